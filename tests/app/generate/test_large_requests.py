"""Requests for a thousand images: their headers stay short, and what no header tells the answer does."""

from typing import Any

import httpx
import pytest

from app.main import create_app
from core.settings import Settings
from tests.fixtures import PublishTiny, Serve


def size(headers: httpx.Headers) -> int:
    return sum(len(name) + len(value) for name, value in headers.items())


@pytest.mark.parametrize(
    ("asked", "absent"),
    [
        ({"seed": 4_000_000_000, "n": 1024}, {"label"}),
        ({"seeds": [4_000_000_000 + 2 * i for i in range(1024)], "label": "cross"}, {"seed"}),
        ({"seeds": [i * 7 for i in range(1024)], "label": [0, 2] * 512}, {"seed", "label"}),
        ({"n": 1024, "label": ["circle", "cross"] * 512}, {"label", "content-location"}),
    ],
)
async def test_what_a_header_would_list_too_long_is_in_the_answer_alone(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve, asked: dict[str, Any], absent: set[str]
) -> None:
    publish_tiny()
    async with serve(create_app(settings.model_copy(update={"max_images": 1024}))) as client:
        answer = await client.post("/generate", json={**asked, "format": "json"})

    assert answer.status_code == 200
    assert size(answer.headers) < 1000
    assert {name for name in ("seed", "label") if name not in answer.headers} == absent - {"content-location"}
    assert ("seed" not in asked and "seeds" not in asked and "content-location" not in absent) is (
        "Content-Location" in answer.headers
    )
    told = answer.json()["images"]
    assert len(told) == 1024
    assert [each["seed"] for each in told] == asked.get("seeds", [(told[0]["seed"] + i) % 2**32 for i in range(1024)])


async def test_sixty_four_labels_are_told(client: httpx.AsyncClient) -> None:
    answer = await client.post("/generate", json={"seeds": [7 * i for i in range(64)], "label": [0, 1] * 32})

    assert answer.headers["Label"] == ",".join(["0,1"] * 32)
    assert answer.headers["Seed"].startswith("0,7,14,")
