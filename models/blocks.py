"""Blocks that architectures share.

Shape suffixes: B batch, I channels in, O channels out, H height, W width.
"""

from torch import Tensor, nn
from torch.nn import functional as F


class UpConv2d(nn.Conv2d):
    """Nearest-neighbour doubling, then a 3x3 convolution: (B, I, H, W) to (B, O, 2H, 2W), in one step.

    The weights are those of the 3x3 convolution. As each output pixel sees four input pixels at most, the pair equals a
    transposed 4x4 convolution of stride 2 whose kernel is made of sums of theirs: less than half the multiplications,
    and the doubled picture is never made (docs/decisions/0002 has the numbers).
    """

    def __init__(self, wide: int, narrow: int, *, bias: bool) -> None:
        super().__init__(wide, narrow, 3, padding=1, bias=bias)

    def forward(self, x_BIHW: Tensor) -> Tensor:
        return F.conv_transpose2d(x_BIHW, doubling_kernel(self.weight), self.bias, stride=2, padding=1)


def doubling_kernel(weight_OI33: Tensor) -> Tensor:
    """Return the transposed 4x4 kernel (I, O, 4, 4): in each direction (w2, w1 + w2, w0 + w1, w0)."""
    flipped = weight_OI33.flip(2, 3)
    rows = F.pad(flipped, (0, 0, 0, 1)) + F.pad(flipped, (0, 0, 1, 0))
    kernel_OI44 = F.pad(rows, (0, 1)) + F.pad(rows, (1, 0))
    return kernel_OI44.transpose(0, 1)
