"""One measurement in a process of its own: `python -m bench.training.contestant NAME`. Prints JSON.

NAME is `example`, `ours` (our loop, the example's networks), `peak` (products of matrices), or a recipe.

Shape suffixes: N images, H height, W width, C channels.
"""

import argparse
import json
import resource
import sys
import time

import numpy as np
import numpy.typing as npt
import torch

from bench.dataset import read_bundled
from bench.training import example, ours
from bench.training.report import EXAMPLE, OURS, PEAK
from core.machine.cores import available_cores
from models.precision import has_bfloat16

SIDE = 2048  # of the matrices


def peak(dtype: torch.dtype, device: str, seconds: float) -> float:
    """Floating-point operations a second of products of square matrices, on all cores or on the GPU."""
    torch.set_num_threads(available_cores())
    a, b = (torch.randn(SIDE, SIDE, device=device).to(dtype) for _ in range(2))

    def settle() -> None:
        if device != "cpu":
            torch.cuda.synchronize()

    for _ in range(2):
        a @ b
    settle()
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        for _ in range(4):
            a @ b
        settle()
        count += 4
    return 2 * SIDE**3 * count / (time.perf_counter() - began)


def measure(name: str, device: str, warm_up: int, seconds: float) -> dict[str, float | str]:
    """What one contestant does: images/s; of ours also operations an image, and the number format."""
    if name == PEAK:
        kinds = (
            ("float32", "bfloat16") if has_bfloat16(torch.device(device)) else ("float32",)
        )  # emulated, it is no peak
        return {f"{kind}_flops": peak(getattr(torch, kind), device, seconds) for kind in kinds}
    digits = read_bundled()
    images_NHWC: npt.NDArray[np.uint8] = digits.images[..., None]
    labels_N = digits.labels.astype(np.int64)
    if name == EXAMPLE:
        return {"images_per_second": example.images_per_second(images_NHWC, warm_up, seconds, device)}
    if name == OURS:
        run = ours.prepare_example(images_NHWC, labels_N, device)
    else:
        run = ours.prepare(name, images_NHWC, labels_N, device)
    rate = ours.images_per_second(run, warm_up, seconds)
    memory = torch.cuda.max_memory_allocated() if device != "cpu" else peak_memory()
    operations = ours.operations_per_image(run)
    precision = run[0].execution.precision
    return {
        "images_per_second": rate,
        "memory": memory,
        "operations_per_image": operations,
        "precision": precision,
        "batch_size": run[0].resolved.batch_size,
        "width": run[0].resolved.width,
    }


def peak_memory() -> int:
    """Bytes that this process held at most."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure one contestant of the training benchmark.")
    parser.add_argument("name")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--warm-up", type=int, default=5, help="steps")
    parser.add_argument("--seconds", type=float, default=10.0)
    asked = parser.parse_args()
    print(json.dumps(measure(asked.name, asked.device, asked.warm_up, asked.seconds)))


if __name__ == "__main__":
    main()
