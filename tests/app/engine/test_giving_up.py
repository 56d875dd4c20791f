"""What is not drawn to its end: overload, deadlines, clients that went away, failures of the encoders, the end."""

import asyncio

import numpy as np
import pytest

from app.engine.batch import Rows
from app.engine.batcher import Batcher
from app.engine.encoders import Encoders
from app.main import create_app
from core.errors import ClientGone, GenerationTimeout, NotReady, Overloaded
from core.media.images import Images
from core.settings import Settings
from ganymede.schemas.references import ModelRef
from models.noise import Latents
from tests.app.gated import Gated, ask, occupy
from tests.fixtures import Serve


async def test_a_canceled_request_is_not_drawn(batcher: Batcher, gated: Gated) -> None:
    first = await occupy(batcher, gated)
    kept, gone = ask(batcher, gated, range(3)), ask(batcher, gated, range(50))
    await asyncio.sleep(0)

    gone.cancel()
    await asyncio.sleep(0)
    gated.gate.set()
    await asyncio.gather(first, kept)

    assert gated.log == [(1, 1), (1, 3)]


async def test_what_is_canceled_is_counted_by_how_far_it_was(batcher: Batcher, gated: Gated) -> None:
    tasks = [await occupy(batcher, gated), ask(batcher, gated, range(5))]
    await asyncio.sleep(0)

    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    gated.gate.set()
    await asyncio.gather(*tasks, return_exceptions=True)

    value = batcher.telemetry.registry.get_sample_value
    assert [value("ganymede_cancelled_total", {"stage": stage}) for stage in ("infer", "queue")] == [1, 1]


async def test_a_canceled_request_frees_its_place_at_once(gated: Gated) -> None:
    batcher = Batcher(1e-9, Encoders(threads=1))
    batcher.start()
    gated.gate.set()
    await ask(batcher, gated, range(1))  # from here on its speed is known
    gated.gate.clear()
    gated.entered.clear()
    first = await occupy(batcher, gated)
    waits = ask(batcher, gated, range(50))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await ask(batcher, gated, range(1))

    waits.cancel()
    await asyncio.sleep(0)
    admitted = ask(batcher, gated, range(1))
    gated.gate.set()

    assert len(await admitted) == 1
    await first
    await batcher.close()


async def test_too_long_a_queue_is_refused_with_the_time_it_takes(
    settings: Settings, gated: Gated, serve: Serve
) -> None:
    gated.gate.set()
    app = create_app(settings.model_copy(update={"max_wait": 1e-9}))
    async with serve(app) as client:
        app.state.services.models.served[ModelRef("tiny")] = gated
        await client.get("/generate", params={"seed": 1})
        gated.gate.clear()
        gated.entered.clear()
        running = asyncio.create_task(client.get("/generate", params={"seed": 2}))
        await asyncio.wait_for(gated.entered.wait(), 300)
        waiting = ask(app.state.services.batcher, gated, range(3))
        await asyncio.sleep(0)

        refused = await client.get("/generate", params={"seed": 4})
        known = await client.get("/generate", params={"seed": 1}, headers={"If-None-Match": "*"})
        gated.gate.set()

        assert (refused.status_code, refused.json()["code"]) == (429, "overloaded")
        assert int(refused.headers["Retry-After"]) >= 1
        assert known.status_code == 304
        assert ((await running).status_code, len(await waiting)) == (200, 3)


async def test_while_too_much_waits_what_is_here_or_on_its_way_is_answered_still(
    settings: Settings, gated: Gated, serve: Serve
) -> None:
    gated.gate.set()
    app = create_app(settings.model_copy(update={"cache_bytes": 1 << 20}))
    async with serve(app) as client:
        services = app.state.services
        services.models.served[ModelRef("tiny")] = gated
        kept = await client.get("/generate", params={"seed": 1})
        gated.gate.clear()
        running = [asyncio.create_task(client.get("/generate", params={"seed": 2})) for _ in range(2)]
        await asyncio.wait_for(gated.entered.wait(), 300)
        services.batcher.max_wait_s = -1.0
        refused = await client.get("/generate", params={"seed": 4})

        again = await client.get("/generate", params={"seed": 1})
        joined = asyncio.create_task(client.get("/generate", params={"seed": 2}))
        known = await client.get("/generate", params={"seed": 1, "n": 1}, headers={"If-None-Match": "*"})
        head = await client.head("/generate", params={"seed": 5})
        gated.gate.set()
        answers = await asyncio.gather(*running, joined)
        services.batcher.max_wait_s = 60.0
        roomy = await client.get("/generate", params={"seed": 4})

    assert refused.status_code == 429
    assert (again.status_code, again.content) == (200, kept.content)
    assert [known.status_code, head.status_code] == [304, 200]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert roomy.status_code == 200


async def test_what_takes_too_long_is_given_up_and_says_how_far_it_got(gated: Gated) -> None:
    batcher = Batcher(60, Encoders(threads=1), timeout_s=0.05)
    batcher.start()

    first, second = await occupy(batcher, gated), ask(batcher, gated, range(50))

    with pytest.raises(GenerationTimeout, match=r"not drawn within 0\.05 s; it got as far as: infer"):
        await first
    with pytest.raises(GenerationTimeout, match="as far as: queue"):
        await second
    assert batcher.waiting == 0
    gated.gate.set()
    await batcher.close()
    assert gated.log == [(1, 1)]


async def test_a_client_that_goes_away_frees_its_place(batcher: Batcher, gated: Gated) -> None:
    first, left = await occupy(batcher, gated), asyncio.Event()
    drawing = batcher.submit(gated, Rows.of(Latents(range(50)), [0] * 50), np.copy)
    waits = asyncio.create_task(batcher.wait(drawing, left.wait))
    await asyncio.sleep(0)

    left.set()

    with pytest.raises(ClientGone):
        await waits
    assert batcher.waiting == 0
    gated.gate.set()
    await first
    assert gated.log == [(1, 1)]


async def test_a_drawing_that_two_wait_for_is_kept_when_one_goes_away(batcher: Batcher, gated: Gated) -> None:
    first = await occupy(batcher, gated)
    drawing = batcher.submit(gated, Rows.of(Latents([7]), [0]), np.copy)
    goes, stays = (asyncio.create_task(batcher.wait(drawing)) for _ in range(2))
    await asyncio.sleep(0)

    goes.cancel()
    await asyncio.wait([goes])
    gated.gate.set()

    assert len((await stays).content) == 1
    await first
    assert gated.log == [(1, 1), (1, 1)]


async def test_an_encoder_that_fails_fails_its_drawing_alone(batcher: Batcher, gated: Gated) -> None:
    def fail(images: Images) -> Images:
        raise RuntimeError("the disk of the encoder is full")

    gated.gate.set()
    bad, good = ask(batcher, gated, range(1), encode=fail), ask(batcher, gated, range(2))

    with pytest.raises(RuntimeError, match="encoder is full"):
        await bad
    assert len(await good) == 2
    assert batcher.is_alive


async def test_the_hand_outlives_encoders_that_are_gone(gated: Gated) -> None:
    encoders = Encoders(threads=1)
    batcher = Batcher(60, encoders)
    batcher.start()
    gated.gate.set()
    encoders.shutdown()

    with pytest.raises(RuntimeError, match="shutdown"):
        await ask(batcher, gated, range(1))

    assert batcher.is_alive
    await batcher.close()


async def test_closing_draws_what_waits_and_refuses_what_comes(batcher: Batcher, gated: Gated) -> None:
    tasks = [await occupy(batcher, gated), ask(batcher, gated, range(200)), ask(batcher, gated, range(3))]
    await asyncio.sleep(0)
    closing = asyncio.create_task(batcher.close())
    while not batcher._is_closing:
        await asyncio.sleep(0.01)

    with pytest.raises(NotReady):
        await ask(batcher, gated, range(1))
    gated.gate.set()
    await closing

    assert [len(images) for images in await asyncio.gather(*tasks)] == [1, 200, 3]
    assert not batcher.is_alive
