"""GET /datasets and /datasets/{d}: what can be trained on."""

import httpx
import pytest

from core.datasets import Dataset
from core.store import Store


async def test_the_bundled_digits_are_there_with_their_licence(client: httpx.AsyncClient) -> None:
    body = (await client.get("/datasets/mnist-10k")).json()

    assert (body["count"], body["height"], body["width"], body["channels"]) == (10_000, 28, 28, 1)
    assert body["class_names"] == [str(digit) for digit in range(10)]
    assert body["class_counts"] == [1000] * 10
    assert body["licence"] == "CC-BY-SA-3.0"
    assert "MNIST" in body["attribution"]


async def test_datasets_are_listed_by_name(client: httpx.AsyncClient, shapes: Dataset) -> None:
    body = (await client.get("/datasets")).json()

    assert [entry["name"] for entry in body["data"]] == ["mnist-10k", "shapes"]
    assert body["data"][1] == (await client.get("/datasets/shapes")).json()
    assert body["data"][1]["class_counts"] == [32, 32, 32]
    assert body["next_cursor"] is None


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [("nothing", 404, "dataset_not_found"), ("No", 422, "invalid_request"), ("%2e%2e", 422, "invalid_request")],
)
async def test_a_dataset_that_is_not_there_is_refused(
    client: httpx.AsyncClient, name: str, status: int, code: str
) -> None:
    answer = await client.get(f"/datasets/{name}")

    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("content", ["{", '{"schema": 1}', '{"schema": 99}'])
async def test_a_damaged_dataset_is_told_as_that_and_hides_no_other(
    client: httpx.AsyncClient, shapes: Dataset, store: Store, content: str
) -> None:
    (shapes.folder / "manifest.json").write_text(content)

    listed, one = await client.get("/datasets"), await client.get("/datasets/shapes")

    assert [entry["name"] for entry in listed.json()["data"]] == ["mnist-10k"]
    assert (one.status_code, one.json()["code"]) == (500, "store_damaged")
