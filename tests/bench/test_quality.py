"""`bench.quality` beside a real service: who judges what is drawn, and what it refuses to judge."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import httpx
import numpy as np
import pytest

from bench import quality
from bench.judge import kinds
from bench.judge.avatars import judge_of, trained
from bench.judge.kinds import Kind
from models.starters import DIGITS
from tests.fixtures import CLASSES, TINY, PublishTiny

Ask = Callable[..., Any]


class InLoop(httpx.BaseTransport):
    """Takes the requests of a thread to the app in the event loop."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = anyio.from_thread.run(
            partial(self.client.get, headers={"Accept-Encoding": "identity"}), str(request.url)
        )
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


@pytest.fixture
def ask(client: httpx.AsyncClient) -> Ask:
    """Calls a function with a client of an app that serves the starter `digits`, and `tiny`: 8x8, three classes."""

    async def call(function: Callable[..., Any], *arguments: Any) -> Any:
        with httpx.Client(transport=InLoop(client), base_url="http://localhost") as blocking:
            return await anyio.to_thread.run_sync(lambda: function(blocking, *arguments))

    return call


@pytest.fixture
def shapes_kind(monkeypatch: pytest.MonkeyPatch) -> Kind:
    """A judge of what `tiny` draws."""
    rng, labels_N = np.random.default_rng(0), np.repeat(np.arange(3), 20)
    learnt, held_out = [(rng.integers(0, 255, (60, 8, 8, 1), np.uint8), labels_N) for _ in range(2)]
    kind = Kind("shapes", (8, 8, 1), 3, 30, lambda: judge_of(trained(learnt, 3), held_out, CLASSES))
    monkeypatch.setitem(kinds.KINDS, "shapes", kind)
    return kind


def measured(client: httpx.Client, model: str, count: int | None = None) -> tuple[dict[str, Any], str]:
    """The report of a model, as JSON and as a table."""
    drawing = quality.draw(client, model, count)
    examination, judge = quality.examined(drawing, quality.class_names_of(client, drawing))
    result = quality.report(drawing, examination)
    return json.loads(json.dumps(result, allow_nan=False)), quality.table(result, judge)


async def test_the_digits_are_read_by_their_own_judge(ask: Ask) -> None:
    result, table = await ask(measured, DIGITS, 100)

    assert (result["model"], result["version"], result["judge"], result["images"]) == (DIGITS, "1", "digits", 100)
    assert result["label_accuracy"] >= 0.95
    assert (result["comparable"], result["kid"], result["recall"]) == (False, None, None)
    assert result["floor"] == pytest.approx(0.1194, abs=1e-4)
    assert "not comparable: 10000 images are needed" in table
    assert "reals: 99.64%" in table


async def test_another_dataset_is_read_by_another_judge_with_everything_beside_the_reals(
    ask: Ask, shapes_kind: Kind
) -> None:
    result, table = await ask(measured, "tiny")

    assert (result["judge"], result["images"], result["comparable"]) == ("shapes", 30, True)
    assert len(result["per_class_accuracy"]) == 3
    assert all(isinstance(result[score], float) for score in ("kid", "precision", "recall", "ratio"))
    assert all(isinstance(result["reals"][score], float) for score in ("label_accuracy", "kid", "precision", "recall"))
    assert [line.split("  ")[0] for line in table.splitlines()][-4:] == ["KID", "precision", "recall", "machine"]


def test_the_first_images_are_a_grid_of_a_column_a_class() -> None:
    images_NHWC = np.zeros((50, 8, 8, 3), np.uint8)

    sheet = quality.grid(images_NHWC, num_classes=5, rows=4)

    assert sheet.startswith(b"\x89PNG")


async def test_what_no_judge_reads_is_refused(ask: Ask) -> None:
    with pytest.raises(quality.Refusal, match=r"draws uint8 \(8, 8, 1\), and there are judges of uint8 \(28, 28, 1\)"):
        await ask(quality.draw, "tiny", 10)


async def test_a_model_of_other_classes_is_refused(
    ask: Ask, shapes_kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing = await ask(quality.draw, "tiny", 10)
    with pytest.raises(quality.Refusal, match="the judge of avatars reads"):
        quality.examined(drawing, ["cross", "square", "circle"])

    monkeypatch.setitem(kinds.KINDS, "shapes", replace(shapes_kind, num_classes=4))
    with pytest.raises(quality.Refusal, match="not seed mod 4"):
        await ask(quality.draw, "tiny", 10)


async def test_a_model_without_classes_is_refused(ask: Ask, shapes_kind: Kind, publish_tiny: PublishTiny) -> None:
    publish_tiny("plain", config=replace(TINY, num_classes=0))

    with pytest.raises(quality.Refusal, match="not conditional"):
        await ask(quality.draw, "plain", 10)
