"""What a busy event loop leaves of the engine: `python -m bench.busy_loop`.

One thread spins in Python as an event loop under load does; beside it a generator of 32 px (untrained) is drawn in
batches of 16: in a thread of the same process, at several switch intervals, and in the process of the painter.
Prints images/s and the share of what is drawn with nothing beside it; medians of 3 rounds taken in turn.
"""

import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import torch

from app.generate.calibration import padded
from app.generate.forward import EagerForward, Forward
from app.generate.studio import Studio
from bench.quality import machine
from bench.serving.generator import publish
from models.folding import run_in
from models.noise import draw_noise
from models.weights import WEIGHTS_FILE, load_generator

BATCH, LATENT_DIM, SECONDS, ROUNDS = 16, 100, 1.5, 3
INTERVALS_S = (5e-3, 5e-4, 5e-5)


def images_per_second(forward: Forward, is_busy: bool) -> float:
    """Drawn by one thread, with a spinning one beside it or none."""
    batch = padded(draw_noise(range(BATCH), LATENT_DIM), None, BATCH)
    forward(*batch)
    ends_at, drawn = time.perf_counter() + SECONDS, 0

    def spin() -> None:
        while time.perf_counter() < ends_at:
            pass

    beside = threading.Thread(target=spin)
    if is_busy:
        beside.start()
    while time.perf_counter() < ends_at:
        forward(*batch)
        drawn += BATCH
    if is_busy:
        beside.join()
    return drawn / SECONDS


def measure(here: Forward, there: Forward) -> dict[str, float]:
    """One round."""
    found = {"a thread, nothing beside it": images_per_second(here, is_busy=False)}
    for interval in INTERVALS_S:
        sys.setswitchinterval(interval)
        found[f"a thread, busy loop, switch interval {interval * 1e3:g} ms"] = images_per_second(here, is_busy=True)
    found["the painter, nothing beside it"] = images_per_second(there, is_busy=False)
    sys.setswitchinterval(INTERVALS_S[0])
    found["the painter, busy loop"] = images_per_second(there, is_busy=True)
    return found


def main() -> None:
    torch.set_num_threads(1)
    print(machine())
    studio = Studio(1)
    studio.start()
    with tempfile.TemporaryDirectory() as store:
        folder = publish(Path(store), {"bench32": 32})["bench32"]
        network = run_in(load_generator(folder / WEIGHTS_FILE)[0], "bfloat16")
        here, there = EagerForward(network, torch.device("cpu")), studio.load(folder, "bfloat16")
        rounds = [measure(here, there) for _ in range(ROUNDS)]
    studio.close()
    alone = statistics.median(found["a thread, nothing beside it"] for found in rounds)
    for name in rounds[0]:
        speed = statistics.median(found[name] for found in rounds)
        print(f"{name:<46} {speed:7.0f} images/s {speed / alone:6.2f}")


if __name__ == "__main__":
    main()
