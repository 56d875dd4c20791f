"""Doubling and convolution, plain against in one step: `python -m bench.up_conv`.

Times the forward and the backward pass of the two upsampling layers of a 28 px DCGAN, batch 64, on one thread; prints
the median of each and the ratio. The two forms are taken in turn, so that a change of the machine's speed meets both.

Shape suffixes: B batch, I input channels, H height, W width.
"""

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.machine import machine
from models.blocks import UpConv2d

LAYERS = ((256, 128, 7), (128, 1, 14))  # channels in, channels out, size
BATCH, ROUNDS = 64, 15

Form = Callable[[Tensor, UpConv2d], Tensor]


def plain(x_BIHW: Tensor, block: UpConv2d) -> Tensor:
    doubled = F.interpolate(x_BIHW, scale_factor=2, mode="nearest")
    return F.conv2d(doubled, block.weight, block.bias, padding=1)


def in_one_step(x_BIHW: Tensor, block: UpConv2d) -> Tensor:
    drawn: Tensor = block(x_BIHW)
    return drawn


def time_once(form: Form, block: UpConv2d, x_BIHW: Tensor, precision: torch.dtype) -> tuple[float, float]:
    """Milliseconds of one forward and one backward pass."""
    began = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision is torch.bfloat16):
        drawn = form(x_BIHW, block)
    forward = time.perf_counter()
    torch.autograd.backward(drawn, torch.ones_like(drawn))
    return (forward - began) * 1e3, (time.perf_counter() - forward) * 1e3


def main() -> None:
    torch.set_num_threads(1)
    print(machine())
    print("layer             precision  pass      plain ms  one step ms  ratio")
    for wide, narrow, size in LAYERS:
        block = UpConv2d(wide, narrow, bias=False)
        x_BIHW = torch.randn(BATCH, wide, size, size).contiguous(memory_format=torch.channels_last).requires_grad_()
        for precision in (torch.float32, torch.bfloat16):
            rounds = [
                (time_once(plain, block, x_BIHW, precision), time_once(in_one_step, block, x_BIHW, precision))
                for _ in range(ROUNDS)
            ]
            for index, name in enumerate(("forward", "backward")):
                before, after = (statistics.median(r[form][index] for r in rounds[2:]) for form in (0, 1))
                layer = f"{wide}x{size}x{size} -> {narrow}"
                kind = str(precision).removeprefix("torch.")
                print(f"{layer:<17} {kind:<10} {name:<9} {before:8.2f} {after:12.2f} {after / before:6.2f}")


if __name__ == "__main__":
    main()
