"""Operations of a step: each by its name, its time and its floating-point operations."""

import pytest
import torch
from torch import nn

from bench.training.layers import REST, Cost, TimedOperations, rows


def test_forward_and_backward_of_a_convolution_are_told_apart_and_counted() -> None:
    layer, x_BCHW = nn.Conv2d(3, 8, 4, stride=2, padding=1, bias=False), torch.randn(2, 3, 8, 8)

    with TimedOperations() as timed:
        layer(x_BCHW.requires_grad_()).sum().backward()

    once = (
        2 * 2 * 8 * 4 * 4 * 3 * 4 * 4
    )  # two for a product and a sum; 2 pictures of 4 x 4 with 8 channels, 3 x 4 x 4 each
    assert timed.costs["convolution 3 to 8 forward"].operations == once
    assert timed.costs["convolution 3 to 8 gradient of inputs and weights"].operations == 2 * once
    assert timed.costs["sum"].operations == 0


def test_a_transposed_convolution_is_named_by_what_goes_in_and_what_comes_out() -> None:
    with TimedOperations() as timed:
        nn.ConvTranspose2d(6, 4, 4, 2, 1)(torch.randn(1, 6, 2, 2))

    assert "transposed convolution 6 to 4 forward" in timed.costs


def test_the_longest_comes_first_and_what_takes_little_is_summed_up() -> None:
    costs = {
        "norm": Cost(seconds=2.0),
        "convolution": Cost(seconds=7.9, operations=3.95e9),
        "add": Cost(seconds=0.06),
        "mul": Cost(seconds=0.04),
    }

    found = rows(costs, peak=1e9)

    assert [row["name"] for row in found] == ["convolution", "norm", REST]
    assert [row["of_peak"] for row in found] == [0.5, None, None]
    assert sum(row["of_time"] for row in found) == pytest.approx(1)
