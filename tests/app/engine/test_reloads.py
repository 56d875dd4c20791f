"""Version after version is published under full load: no request fails, no answer mixes two, the memory stays."""

import asyncio
import gc
import io
import os
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import pytest

from app.engine.engine import Engine
from app.main import create_app
from core.machine.memory import give_back
from core.queue import RedisNotifier
from core.registry import Registry
from core.settings import Settings
from models.sizes import DCGANConfig
from tests.app.gated import drawn
from tests.fixtures import DEVICES, Eventually, OpenEngine, PublishTiny, Serve

CLIENTS = 4
SEEDS = 8
COMPARED_EVERY = 7  # versions whose pictures are compared; every answer's version and digest are
SMALL = DCGANConfig(image_size=8, channels=1, latent_dim=100, width=64, num_classes=3)  # 0.8 MB: 200 would be seen


@dataclass
class Answers:
    """What came, without what came before."""

    statuses: dict[int, int] = field(default_factory=dict)
    digests: set[tuple[int, str]] = field(default_factory=set)
    pictures: dict[tuple[int, int], set[bytes]] = field(default_factory=dict)  # by version and seed

    def note(self, answer: httpx.Response, seed: int) -> None:
        self.statuses[answer.status_code] = self.statuses.get(answer.status_code, 0) + 1
        if answer.status_code == 200:
            version = int(answer.headers["Model-Version"])
            self.digests.add((version, answer.headers["Model-Digest"]))
            if version % COMPARED_EVERY == 1:
                self.pictures.setdefault((version, seed), set()).add(answer.content)


def resident_bytes() -> int:
    """Memory of this process, after what nobody needs is gone."""
    gc.collect()
    give_back()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def keep_asking(client: httpx.AsyncClient, seen: Answers, first: int, over: asyncio.Event) -> None:
    seed = first
    while not over.is_set():
        seed = (seed + CLIENTS + 1) % SEEDS
        seen.note(await client.get("/generate", params={"seed": seed, "format": "npy"}), seed)


async def is_drawn_alone(engine: Engine, seed: int, contents: set[bytes]) -> bool:
    """Whether all that came for a seed is what `engine` draws of it when nothing else is to be drawn."""
    alone = await drawn(engine, [seed])
    return all(np.array_equal(np.load(io.BytesIO(content)), alone) for content in contents)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory of the process from /proc")
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("reloads", [30, pytest.param(200, marks=pytest.mark.slow)])
async def test_every_answer_is_of_one_version_and_none_is_lost(
    settings: Settings,
    publish_tiny: PublishTiny,
    open_engine: OpenEngine,
    registry: Registry,
    serve: Serve,
    eventually: Eventually,
    reloads: int,
) -> None:
    publish_tiny(config=SMALL)
    app, notifier, over, seen = create_app(settings), RedisNotifier(settings.broker_url), asyncio.Event(), Answers()
    memory: dict[int, int] = {}
    async with serve(app) as client:
        askers = [asyncio.create_task(keep_asking(client, seen, first, over)) for first in range(CLIENTS)]
        for reload in range(1, reloads + 1):
            version = await asyncio.to_thread(publish_tiny, seed=reload, config=SMALL)
            await asyncio.to_thread(notifier.notify, "tiny")

            async def is_drawn(version: int = version) -> bool:
                return any(version == drawn for drawn, _ in seen.digests)

            await eventually(is_drawn)
            if reload in (20, reloads):
                memory[reload] = resident_bytes()
        over.set()
        await asyncio.gather(*askers)

    published = {(version, registry.manifest("tiny", version).digest) for version in range(1, reloads + 2)}
    assert seen.statuses.keys() == {200}
    assert seen.digests == published
    assert {version for version, _ in seen.pictures} == {v for v, _ in published if v % COMPARED_EVERY == 1}
    for (version, seed), pictures in seen.pictures.items():
        assert await is_drawn_alone(open_engine("tiny", version), seed, pictures)
    assert memory[reloads] <= 1.05 * memory[20]
