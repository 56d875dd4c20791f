"""Reads /metrics as Prometheus would. Knows no test."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

Samples = dict[tuple[str, ...], float]


async def scrape(client: httpx.AsyncClient) -> Samples:
    """Every sample by its name and `label=value`s."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def moved(before: Samples, after: Samples, name: str) -> dict[tuple[str, ...], float]:
    """By how much the samples of one name moved, without those that stayed."""
    return {
        key[1:]: value - before.get(key, 0.0)
        for key, value in after.items()
        if key[0] == name and value != before.get(key, 0.0)
    }
