"""The bare forward pass: what no server of this generator can beat. `python -m bench.serving.limits WEIGHTS_FOLDER`.

Noise is there, pictures are thrown away: no HTTP, no queue, no PNG. Every precision, memory format, number of threads
and batch that a server might choose is timed, and the best of a precision is its limit. Prints JSON: images/s.

Shape suffixes: B images, Z latent.
"""

import argparse
import copy
import json
import threading
import time
from pathlib import Path

import torch
from torch import nn

from bench.serving.peers.drawing import as_written
from models.folding import run_in
from models.packing import pack
from models.version import WEIGHTS_FILE
from models.weights import load_generator

BATCHES = (32, 64)
THREADS = ((1, 1), (1, 2), (2, 1))  # Python threads, each with so many torch threads
FORMS = ("float32 as written", "float32", "float32 channels_last", "bfloat16 channels_last", "bfloat16 as served")
SECONDS = 1.0


def shaped(generator: nn.Module, form: str) -> nn.Module:
    network = copy.deepcopy(generator).eval().requires_grad_(False)
    if form.endswith("as written"):
        return as_written(network)
    if form.endswith("as served"):
        return pack(run_in(network, "bfloat16"))
    if form.startswith("bfloat16"):
        network = network.to(torch.bfloat16)
    return network.to(memory_format=torch.channels_last) if "channels_last" in form else network  # type: ignore[call-overload]


def images_per_second(
    generator: nn.Module, latent_dim: int, form: str, batch: int, threads: tuple[int, int], seconds: float
) -> float:
    """Of `threads[0]` Python threads that draw side by side, with `threads[1]` torch threads each."""
    dtype = torch.bfloat16 if form == "bfloat16 channels_last" else torch.float32
    network, z_BZ = shaped(generator, form), torch.randn(batch, latent_dim).to(dtype)
    counts = [0] * threads[0]
    warm = threading.Barrier(threads[0] + 1, timeout=60)
    ends_at = [0.0]

    def draw(number: int) -> None:
        torch.set_num_threads(threads[1])  # OpenMP keeps it for each thread that calls it
        with torch.inference_mode():
            for _ in range(3):
                network(z_BZ)
            warm.wait()
            warm.wait()
            while time.perf_counter() < ends_at[0]:
                network(z_BZ)
                counts[number] += batch

    workers = [threading.Thread(target=draw, args=(number,)) for number in range(threads[0])]
    for worker in workers:
        worker.start()
    warm.wait()
    began = time.perf_counter()
    ends_at[0] = began + seconds
    warm.wait()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.perf_counter() - began)


def measure(folder: Path, seconds: float) -> dict[str, float]:
    """Images/s of each form, batch and number of threads, by a name that says them."""
    generator, config = load_generator(folder / WEIGHTS_FILE)
    return {
        f"{form}, batch {batch}, {threads[0]} x {threads[1]} threads": images_per_second(
            generator, config.latent_dim, form, batch, threads, seconds
        )
        for form in FORMS
        for batch in BATCHES
        for threads in THREADS
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the bare forward pass.")
    parser.add_argument("folder", type=Path, help="holds generator.safetensors")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each of 30 ways")
    asked = parser.parse_args()
    print(json.dumps(measure(asked.folder, asked.seconds)))


if __name__ == "__main__":
    main()
