"""Blocks: the fast form equals the plain one."""

import pytest
import torch
from torch.nn import functional as F

from models.blocks import UpConv2d


@pytest.mark.parametrize("size", [1, 2, 7])
def test_up_conv_is_doubling_then_convolution_also_in_its_gradients(size: int) -> None:
    torch.manual_seed(0)
    block = UpConv2d(6, 5, bias=True).double()
    x_BIHW = torch.randn(3, 6, size, size, dtype=torch.float64, requires_grad=True)
    doubled = F.interpolate(x_BIHW, scale_factor=2, mode="nearest")
    plain = F.conv2d(doubled, block.weight, block.bias, padding=1)
    direction = torch.randn_like(plain)
    expected = torch.autograd.grad(plain, [x_BIHW, block.weight], direction)

    drawn = block(x_BIHW)

    assert torch.allclose(drawn, plain, atol=1e-12)
    for gradient, plain_gradient in zip(
        torch.autograd.grad(drawn, [x_BIHW, block.weight], direction), expected, strict=True
    ):
        assert torch.allclose(gradient, plain_gradient, atol=1e-12)
