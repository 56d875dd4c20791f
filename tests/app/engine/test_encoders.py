"""What waits for the encoders is counted before it is let in: 429 in the place of a wait that ends in 504."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import numpy as np
import pytest

from app.engine.batch import Rows
from app.engine.batcher import Batcher
from app.engine.encoders import Encoders
from app.engine.engine import Engine
from app.engine.request import EngineRequest
from app.main import create_app
from core.errors import Overloaded
from core.machine.cores import available_cores
from core.media.images import Images
from core.settings import Settings
from models.noise import Latents
from models.sizes import DCGANConfig
from tests.app.gated import CULPRIT, Failing, Gated, ask, occupy
from tests.fixtures import OpenEngine, PublishTiny, Serve

LARGE = DCGANConfig(image_size=128, channels=1, latent_dim=4, width=16, num_classes=3)


class Slow:
    """Makes files as soon as a test lets it."""

    def __init__(self) -> None:
        self.gate, self.entered = threading.Event(), threading.Event()

    def __call__(self, images: Images) -> Images:
        self.entered.set()
        assert self.gate.wait(300)
        return images


@pytest.fixture
async def narrow() -> AsyncIterator[Batcher]:
    """A batcher whose one encoder may owe no more than a second of work."""
    running = Batcher(60, Encoders(max_wait_s=1.0, threads=1))
    running.start()
    yield running
    await running.close()


def submit(
    batcher: Batcher, engine: Engine, encode: Callable[[Images], Images], work_s: float
) -> EngineRequest[Images]:
    return batcher.submit(engine, Rows.of(Latents([1]), [0]), encode, work_s=work_s)


async def test_there_is_a_thread_for_each_core() -> None:
    assert Encoders().threads == max(2, available_cores())


async def test_who_would_wait_too_long_for_an_encoder_is_refused(narrow: Batcher, gated: Gated) -> None:
    gated.gate.set()
    slow = Slow()
    waits = asyncio.create_task(narrow.wait(submit(narrow, gated, slow, work_s=2.0)))
    assert await asyncio.to_thread(slow.entered.wait, 30)

    with pytest.raises(Overloaded) as refused:
        submit(narrow, gated, np.copy, work_s=0.1)
    slow.gate.set()
    await waits

    assert refused.value.retry_after_s == pytest.approx(2.0)
    assert len((await narrow.wait(submit(narrow, gated, np.copy, work_s=0.1))).content) == 1


async def test_what_is_not_drawn_yet_counts_already(narrow: Batcher, gated: Gated) -> None:
    first = await occupy(narrow, gated)
    waits = asyncio.create_task(narrow.wait(submit(narrow, gated, np.copy, work_s=2.0)))
    await asyncio.sleep(0)

    with pytest.raises(Overloaded):
        submit(narrow, gated, np.copy, work_s=0.1)
    gated.gate.set()

    await asyncio.gather(first, waits)


@pytest.mark.parametrize("kind", [{"is_plain_png": True}, {"is_copy": True}])
async def test_what_no_encoder_is_needed_for_waits_for_none(
    narrow: Batcher, gated: Gated, kind: dict[str, bool]
) -> None:
    narrow.encoders.owe(1000.0)
    gated.gate.set()

    drawn = await narrow.wait(narrow.submit(gated, Rows.of(Latents([1]), [0]), np.copy, work_s=5.0, **kind))

    assert len(drawn.content) > 0
    assert narrow.encoders.wait_s == 1000.0


async def test_what_is_given_up_is_owed_no_more(narrow: Batcher, gated: Gated) -> None:
    first = await occupy(narrow, gated)
    waits = asyncio.create_task(narrow.wait(submit(narrow, gated, np.copy, work_s=2.0)))
    await asyncio.sleep(0)

    waits.cancel()
    await asyncio.wait([waits])

    assert narrow.encoders.wait_s == 0
    gated.gate.set()
    await first


async def test_what_fails_is_owed_no_more(narrow: Batcher, publish_tiny: PublishTiny, open_engine: OpenEngine) -> None:
    def fail(_: Images) -> Images:
        raise RuntimeError("no file comes of this")

    publish_tiny()
    engine = open_engine(kind=Failing)
    assert isinstance(engine, Failing)
    engine.gate.set()

    with pytest.raises(RuntimeError, match="no file"):
        await narrow.draw(engine, Rows.of(Latents([1]), [0]), fail, 0.5)
    with pytest.raises(RuntimeError, match="cannot be drawn"):
        await narrow.draw(engine, Rows.of(Latents([1]), [CULPRIT]), np.copy, 0.5)

    assert narrow.encoders.wait_s == 0


async def test_nothing_is_drawn_while_too_many_pixels_wait_for_an_encoder(
    narrow: Batcher, gated: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.engine.encoders.MOST_BYTES", 100)  # two pictures have more
    gated.gate.set()
    slow = Slow()
    first = ask(narrow, gated, range(2), encode=slow)
    assert await asyncio.to_thread(slow.entered.wait, 30)

    others = [ask(narrow, gated, range(i, i + 1)) for i in range(3)]
    for _ in range(100):
        await asyncio.sleep(0)
    drawn_by_then = list(gated.log)
    slow.gate.set()
    await asyncio.gather(first, *others)

    assert drawn_by_then == [(1, 2)]
    assert sum(count for _, count in gated.log) == 5


@pytest.fixture
async def behind(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve
) -> AsyncIterator[tuple[httpx.AsyncClient, Encoders]]:
    """A client of an app with a small model and a large one, and its encoders."""
    publish_tiny()
    publish_tiny("large", config=LARGE)
    app = create_app(settings)
    async with serve(app) as client:
        yield client, app.state.services.encoders


@pytest.mark.parametrize(
    "query",
    [
        {"format": "webp"},
        {"format": "json"},
        {"format": "zip"},
        {"scale": 8},
        {"n": 4},
        {"metadata": True},
        {"format": "npy", "scale": 2},
        {"model": "large"},
    ],
    ids=str,
)
async def test_forms_that_encoders_make_are_refused_while_these_owe_too_much(
    behind: tuple[httpx.AsyncClient, Encoders], query: dict[str, Any]
) -> None:
    client, encoders = behind
    await client.get("/generate", params=query)  # it is loaded
    encoders.owe(25.0)
    refused = await client.get("/generate", params=query)
    small = [await client.get(path) for path in ("/generate", "/generate?format=npy&n=4")]
    encoders.forgive(25.0)

    assert (refused.status_code, refused.json()["code"], refused.headers["Retry-After"]) == (429, "overloaded", "25")
    assert "encoded" in refused.json()["detail"]
    assert [answer.status_code for answer in small] == [200, 200]
    assert (await client.get("/generate", params=query)).status_code == 200


@pytest.mark.parametrize("verify", [False, True])
async def test_a_picture_to_look_at_waits_in_the_same_queue(
    behind: tuple[httpx.AsyncClient, Encoders], verify: bool
) -> None:
    client, encoders = behind
    picture = (await client.get("/generate", params={"metadata": True, "seed": 1})).content

    async def inspect() -> httpx.Response:
        headers = {"Content-Type": "image/png"}
        return await client.post("/inspect", params={"verify": verify}, content=picture, headers=headers)

    encoders.owe(25.0)
    refused = await inspect()
    encoders.forgive(25.0)

    assert (refused.status_code, refused.json()["code"], refused.headers["Retry-After"]) == (429, "overloaded", "25")
    assert (await inspect()).status_code == 200
    assert encoders.wait_s == 0
