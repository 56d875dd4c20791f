"""`Client` and `AsyncClient` do the same: each sentence is told of both. Against a real API, and one that breaks."""

import asyncio
import hashlib
import inspect
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, aclosing
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest

from ganymede import AsyncClient, Client
from ganymede.client import connection, follow
from ganymede.client.blocking import Blocking, finished
from ganymede.client.datasets import AsyncDatasets, Datasets
from ganymede.client.models import AsyncModels, Models
from ganymede.client.runs import AsyncRuns, Runs
from ganymede.errors import ApiError, NotUnderstood, Unreachable
from ganymede.schemas.runs import EventBody, RunBody
from tests import coloured
from tests.ganymede.awaited import KINDS, talking
from tests.ganymede.contract import RUN, Answer, Contract, Request, event, problem, run_body, sse, status, stream

SMALL = {"steps": 5, "batch_size": 16, "width": 16}
EVENTS = f"/train/{RUN}/events"
OVERLOADED = problem(429, "overloaded", "try later", {"Retry-After": "0"})


class Talk(Protocol):
    def __call__(self, url: str, **options: Any) -> AbstractAsyncContextManager[AsyncClient]: ...


@pytest.fixture(params=KINDS)
def talk(request: pytest.FixtureRequest) -> Talk:
    """Opens a client of the kind that the test is told of."""
    return partial(talking, request.param)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(follow, "FIRST_PAUSE_S", 0.01)


async def test_pictures_come_as_pillow_and_numpy_have_them(talk: Talk, api: str, tmp_path: Path) -> None:
    async with talk(api) as client:
        drawn = await client.generate(seed=1, n=4, metadata=True)
        pixels = await client.generate(model=drawn.reference, seed=1, n=4, format="npy")
        moving = await client.morph([1, 2], frames=2)
        told = await client.inspect(drawn.save(tmp_path / "four.png"), verify=True)

    assert drawn.to_pil().size == (56, 56)
    assert pixels.to_numpy().shape == (4, 28, 28, 1)
    assert (drawn.to_numpy()[:28, :28] == pixels.to_numpy()[0, :, :, 0]).all()
    assert moving.media_type == "image/webp"
    assert (told.recipe.seeds, told.verified) == ([1, 2, 3, 4], True)


async def test_a_run_is_started_listed_canceled_and_deleted(talk: Talk, api: str) -> None:
    async with talk(api) as client:
        plan = await client.validate("cgan", "mnist-10k", config=SMALL, estimate=False)
        runs = [await client.train("cgan", "mnist-10k", model="both", config=SMALL) for _ in range(3)]
        listed = [run.id async for run in client.runs.list(limit=2)]
        pages = [len(part.data) async for part in client.runs.pages(model="both", status="queued", page_size=2)]
        named = await client.runs.patch(runs[0], name="first")
        ends = [(await client.runs.cancel(run)).status for run in runs]
        told = [each.type async for each in client.runs.events(runs[0])]
        for run in runs:
            await client.runs.delete(run)

    assert plan.resolved["steps"] == 5
    assert listed == [runs[2].id, runs[1].id]
    assert pages == [2, 1]
    assert (named.name, ends) == ("first", ["canceled"] * 3)
    assert told[-1] == "end"


async def test_models_go_out_and_in(talk: Talk, api: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    copy = f"copy-{request.node.callspec.params['talk'].lower()}"

    async with talk(api) as client:
        version = await client.models.version("digits", 1)
        weights = await client.models.weights("digits", 1, tmp_path / "w.safetensors", digest=version.digest)
        (tmp_path / "m.json").write_bytes(await client.models.manifest("digits", 1))
        added = await client.models.add(copy, weights, tmp_path / "m.json")
        alias = await client.models.promote(copy, added.version, reason="the same")
        moves = [move.version async for move in client.models.history(copy)]
        names = [model.name async for model in client.models.list()]
        same = [(await client.generate(model=name, seed=3)).content for name in ("digits", copy)]
        await client.models.delete(copy)

    assert f"sha256:{hashlib.sha256(weights.read_bytes()).hexdigest()}" == version.digest == added.digest
    assert (alias.alias, alias.version, moves[0]) == ("production", added.version, added.version)
    assert {"digits", copy} <= set(names)
    assert same[0] == same[1]


async def test_datasets_go_in_and_out(talk: Talk, api: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    name = f"shapes-{request.node.callspec.params['talk'].lower()}"
    (tmp_path / "shapes.zip").write_bytes(coloured.folders(per_class=2))

    async with talk(api) as client:
        added = await client.datasets.add(name, tmp_path / "shapes.zip", size=16)
        preview = await client.datasets.preview(name, n=2)
        names = [dataset.name async for dataset in client.datasets.list()]
        await client.datasets.delete(name)
        with pytest.raises(ApiError) as gone:
            await client.datasets.get(name)

    assert (added.name, added.width) == (name, 16)
    assert preview.startswith(b"\x89PNG")
    assert name in names
    assert gone.value.code == "dataset_not_found"


async def test_the_state_of_the_service_is_typed(talk: Talk, api: str) -> None:
    async with talk(api) as client:
        assert (await client.ready()).status == "ready"
        assert (await client.alive()).status == "alive"
        assert (await client.status()).version
        assert (await client.queue()).running == []
        assert [worker.name for worker in await client.workers()] == []
        assert "properties" in await client.train_schema()


async def test_a_picture_with_a_hole_is_sent_with_its_mask(talk: Talk, contract: Contract, tmp_path: Path) -> None:
    facts = {"Content-Type": "image/png", "Model": "mended", "Model-Version": "2", "Model-Digest": "sha256:0"}
    contract.on("POST", "/complete", Answer(b"drafts", headers=facts))
    (tmp_path / "mask.png").write_bytes(b"mask")

    async with talk(contract.url) as client:
        drawing = await client.complete(b"picture", tmp_path / "mask.png", n=4)

    assert (drawing.content, drawing.reference) == (b"drafts", "mended@2")
    assert contract.seen[0].query == {"n": ["4"]}
    assert b"picture" in contract.seen[0].body


async def test_refusals_are_the_same_errors(talk: Talk, api: str) -> None:
    async with talk(api) as client:
        with pytest.raises(ApiError, match="Invalid request") as caught:
            await client.train("cgan", "mnist-10k", config={"stepz": 1})

    assert [field.pointer for field in caught.value.errors] == ["/config/stepz"]


async def test_what_is_overloaded_is_asked_again(talk: Talk, contract: Contract) -> None:
    contract.on("GET", f"/train/{RUN}", OVERLOADED, OVERLOADED, Answer(run_body()))

    async with talk(contract.url) as client:
        found = await client.runs.get(RUN)

    assert isinstance(found, RunBody)
    assert len(contract.seen) == 3


async def test_a_connection_that_keeps_breaking_and_a_stranger_are_errors(talk: Talk, contract: Contract) -> None:
    def broken(_request: object) -> Answer:
        raise ConnectionAbortedError

    contract.on("GET", "/livez", broken)
    contract.on("GET", "/queue", Answer("<html>hello</html>"))

    async with talk(contract.url) as client:
        with pytest.raises(Unreachable, match="nothing answers"):
            await client.alive()
        with pytest.raises(NotUnderstood, match="is that a Ganymede service"):
            await client.queue()

    assert len(contract.asked("/livez")) == 3


async def test_events_come_once_and_in_order_over_a_broken_connection(talk: Talk, contract: Contract) -> None:
    cut, rest = stream(status(1, "running"), event(2), is_cut=True), stream(event(2), event(3, "end"))
    contract.on("GET", EVENTS, cut, OVERLOADED, rest, stream(event(1, "end")))
    contract.on("GET", f"/train/{RUN}", Answer(run_body(status="succeeded")))
    broke: list[str] = []

    async with talk(contract.url, retries=0) as client:
        live = client.runs.watch(RUN, on_break=lambda error: broke.append(str(error)))
        came = [each.id async for each in live if isinstance(each, EventBody)]
        ended = await client.runs.wait(RUN)

    assert came == [1, 2, 3]
    assert len(broke) == 2
    assert ended.status == "succeeded"


async def test_who_stops_watching_hangs_up(talk: Talk, contract: Contract) -> None:
    hung_up = threading.Event()

    def endless(_request: Request) -> Answer:
        def chunks() -> Iterator[bytes]:
            try:
                yield sse(event(1))
                while True:
                    yield b": nothing new\n\n" * 1000
            finally:
                hung_up.set()

        return Answer(chunks(), headers={"Content-Type": "text/event-stream"})

    contract.on("GET", EVENTS, endless)

    async with talk(contract.url) as client, aclosing(client.runs.watch(RUN)) as live:
        first = await anext(live)
        await live.aclose()
        is_noticed = await asyncio.to_thread(hung_up.wait, 300)

    assert isinstance(first, EventBody)
    assert is_noticed


async def test_many_tasks_share_one_async_client(api: str) -> None:
    async with AsyncClient(api) as client:
        drawn = await asyncio.gather(*(client.generate(seed=seed, format="npy") for seed in range(16)))
        alone = await client.generate(seeds=list(range(16)), format="npy")

    assert [drawing.seed for drawing in drawn] == list(range(16))
    assert (np.concatenate([drawing.to_numpy() for drawing in drawn]) == alone.to_numpy()).all()


@pytest.mark.parametrize(
    ("blocking", "other"),
    [(Client, AsyncClient), (Runs, AsyncRuns), (Models, AsyncModels), (Datasets, AsyncDatasets)],
)
def test_both_have_the_same_calls_with_the_same_parameters(blocking: type, other: type) -> None:
    def calls(kind: type) -> dict[str, list[str]]:
        public = {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}
        return {name: list(inspect.signature(call).parameters) for name, call in public.items() if callable(call)}

    assert calls(blocking) == calls(other)
    assert all(getattr(blocking, name).__doc__ == getattr(other, name).__doc__ for name in calls(other))


def test_a_blocking_call_that_would_wait_for_a_loop_is_a_bug() -> None:
    assert issubclass(Client, Blocking)
    with pytest.raises(AssertionError, match="no event loop"):
        finished(asyncio.sleep(0))
