"""What a busy event loop leaves of the engine: `python -m bench.busy_loop`.

An event loop works without a pause, as it does under load; meanwhile a generator of 32 px (untrained) is drawn in
batches of 16: by a thread of the same process, at several switch intervals, and by the engine process. Prints images/s
and the share of what is drawn with nothing beside it; medians of 3 rounds taken in turn.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

from app.engine.batch import Batch, Rows, Runner
from app.engine.process_backend import ProcessBackend
from app.engine.thread_backend import ThreadBackend
from bench.machine import machine
from bench.serving.generator import publish
from core.registry import VersionManifest
from core.registry.manifest import MANIFEST_FILE
from models.noise import Latents

BATCH, SECONDS, ROUNDS = 16, 1.5, 3
STEP_S = 1e-4  # of work between two looks at the sockets: about what a request costs
INTERVALS_S = (5e-3, 5e-4, 5e-5)


async def images_per_second(runner: Runner, *, is_busy: bool) -> float:
    """Drawn by one thread, with the loop at work or idle."""
    loop, batch = asyncio.get_running_loop(), Batch(Rows.of(Latents(range(BATCH))), BATCH)
    await runner.run(batch)
    ends_at, drawn = time.perf_counter() + SECONDS, 0

    def work() -> None:
        over_at = time.perf_counter() + STEP_S
        while time.perf_counter() < over_at:
            pass
        if over_at < ends_at:
            loop.call_soon(work)

    if is_busy:
        work()
    while time.perf_counter() < ends_at:
        await runner.run(batch)
        drawn += BATCH
    return drawn / SECONDS


async def measure(here: Runner, there: Runner) -> dict[str, float]:
    """One round."""
    found = {"a thread, nothing beside it": await images_per_second(here, is_busy=False)}
    for interval in INTERVALS_S:
        sys.setswitchinterval(interval)
        found[f"a thread, busy loop, switch interval {interval * 1e3:g} ms"] = await images_per_second(
            here, is_busy=True
        )
    sys.setswitchinterval(INTERVALS_S[0])
    found["the engine process, nothing beside it"] = await images_per_second(there, is_busy=False)
    found["the engine process, busy loop"] = await images_per_second(there, is_busy=True)
    return found


async def main() -> None:
    torch.set_num_threads(1)
    print(machine())
    threads, backend = ThreadBackend("cpu", 1), ProcessBackend(1)
    await backend.start()
    with tempfile.TemporaryDirectory() as store:
        folder = publish(Path(store), {"bench32": 32})["bench32"]
        manifest = VersionManifest.read(folder / MANIFEST_FILE)
        here, _ = threads.open(folder, manifest, "bfloat16")
        there, _ = await asyncio.to_thread(backend.open, folder, manifest, "bfloat16")
        rounds = [await measure(here, there) for _ in range(ROUNDS)]
    await backend.close()
    await threads.close()
    alone = statistics.median(found["a thread, nothing beside it"] for found in rounds)
    for name in rounds[0]:
        speed = statistics.median(found[name] for found in rounds)
        print(f"{name:<46} {speed:7.0f} images/s {speed / alone:6.2f}")


if __name__ == "__main__":
    asyncio.run(main())
