"""A seed means the same bytes: alone, in a crowd, under full load, after a restart, while other versions are loaded."""

import asyncio
import hashlib
import io
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch

from core.registry import Registry
from core.store import Store
from models.dcgan import Generator
from models.publish import publish_folder
from models.sizes import DCGANConfig
from models.writing import Lineage, write_generator
from tests.fixtures import DEVICES, Server, StartServer
from tests.manifests import dataset_manifest

SEEDS = 1000
CONNECTIONS = 64
SIZES = DCGANConfig(image_size=32, channels=3, latent_dim=100, width=64, num_classes=0)


def publish(store: Path, folder: Path, model: str, step: int) -> None:
    """A version with contrast: batch norms that have seen noise, a loud last layer."""
    with torch.random.fork_rng():
        torch.manual_seed(step)
        generator = Generator(SIZES).requires_grad_(False)
        for _ in range(10):
            generator(torch.randn(32, 100))
    generator.to_image.weight.mul_(25)
    lineage = Lineage(
        run="run_00000000000000000000",
        branch=0,
        step=step,
        images_seen=0,
        recipe="dcgan",
        architecture="dcgan",
        network=SIZES,
        dataset=dataset_manifest("none", class_names=[]),
        metrics={},
    )
    made = folder / f"{model}-{step}"
    made.mkdir()
    write_generator(made, generator.eval(), lineage)
    publish_folder(Registry(Store(store)), model, made, by_hand=True)


def address(seed: int, n: int = 1) -> str:
    return f"/generate?model=steady&seed={seed}&n={n}&format=npy"


def digests(answer: httpx.Response) -> list[str]:
    """One for each image."""
    assert answer.status_code == 200, answer.text
    return [hashlib.sha256(image.tobytes()).hexdigest() for image in np.load(io.BytesIO(answer.content))]


def drawn_alone(server: Server) -> list[str]:
    with server.client() as http:
        return [digests(http.get(address(seed)))[0] for seed in range(SEEDS)]


def drawn_together(server: Server) -> list[str]:
    with server.client() as http:
        parts = [digests(http.get(address(start, 64))) for start in range(0, SEEDS, 64)]
    return [digest for part in parts for digest in part][:SEEDS]


async def drawn_under_load(server: Server) -> dict[int, set[str]]:
    """By 64 clients at once, who ask for 1 to 9 images each time."""
    seen: dict[int, set[str]] = {seed: set() for seed in range(SEEDS)}
    todo = iter([(seed, 1 + seed % 9) for seed in range(SEEDS)])
    limits = httpx.Limits(max_connections=CONNECTIONS)
    async with server.async_client(limits=limits) as http:

        async def ask() -> None:
            for seed, n in todo:
                for i, digest in enumerate(digests(await http.get(address(seed, n)))):
                    if seed + i < SEEDS:
                        seen[seed + i].add(digest)

        await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
async def test_a_thousand_seeds_draw_the_same_bytes_always(
    start_server: StartServer, tmp_path: Path, precision: str, device: str
) -> None:
    home = tmp_path / "home"
    settings = {"GANYMEDE_DEVICE": device, "GANYMEDE_PRECISION": precision, "GANYMEDE_CACHE_BYTES": "0"}
    settings |= {"GANYMEDE_ENGINE_THREADS": "2"} if device == "cpu" else {}
    publish(home / "store", tmp_path, "steady", 1)
    server = start_server(home, **settings)
    expected = await asyncio.to_thread(drawn_alone, server)

    together = await asyncio.to_thread(drawn_together, server)
    with ThreadPoolExecutor(1) as publisher:
        loading = [publisher.submit(publish, home / "store", tmp_path, "other", step) for step in range(1, 9)]
        busy = asyncio.create_task(draw_others(server, lambda: all(task.done() for task in loading)))
        crowd = await drawn_under_load(server)
        others = await busy
    server.process.send_signal(signal.SIGTERM)
    await asyncio.to_thread(server.process.wait, 30)
    restarted = start_server(home, **settings)
    again = await asyncio.to_thread(drawn_alone, restarted)

    assert len(set(expected)) == SEEDS
    assert together == expected
    assert crowd == {seed: {digest} for seed, digest in enumerate(expected)}
    assert again == expected
    assert len(others) > 1


async def draw_others(server: Server, is_over: Callable[[], bool]) -> set[str]:
    """Draw from the model that gets new versions meanwhile; the versions that were seen."""
    versions: set[str] = set()
    async with server.async_client() as http:
        while not is_over() or len(versions) < 2:
            answer = await http.get("/generate", params={"model": "other", "seed": 1})
            if answer.status_code == 200:
                versions.add(answer.headers["Model-Version"])
            await asyncio.sleep(0.05)
    return versions
