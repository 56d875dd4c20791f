"""A trained generator in the form that draws fastest: the same function with fewer steps. Knows no device and no batch.

In eval mode a batch norm is a scale and a shift of each channel, which the layer before it can do (Jacob et al. 2018,
arXiv 1712.05877, section 3.2); the kernel of an UpConv2d does not change, so it is made once.

Shape suffixes: B images, I input channels, O output channels, P = 4 * O, C channels, H height, W width.
"""

import copy
from typing import Protocol, runtime_checkable

import torch
from torch import nn
from torch.nn import functional as F

from models.blocks import UpConv2d, doubling_kernel
from models.shapes import without_weights

STEADY_ROWS = 4
# Of the transposed kernel: what the pixels before and behind an edge add to the first, the second.
TAPS = ((3, 1), (2, 0))
NARROW = 16  # channels that a CPU's kernels compute at least; a layer with fewer wastes the rest


@runtime_checkable
class FoldsItself(Protocol):
    """A network with a batch norm that is not behind its layer in a Sequential."""

    def fold_norms(self) -> None:
        """Fold those norms into the layers before them."""


class SteadyLinear(nn.Linear):
    """A Linear whose rows do not depend on how many there are: other kernels, which sum in another order, are taken for
    fewer than STEADY_ROWS of them."""

    def forward(self, x_BI: torch.Tensor) -> torch.Tensor:
        missing = STEADY_ROWS - len(x_BI)
        if missing <= 0:
            return super().forward(x_BI)
        return super().forward(F.pad(x_BI, (0, 0, 0, missing)))[: len(x_BI)]


class PhasedConv2d(nn.Conv2d):
    """An UpConv2d of few output channels O as one convolution of 2 x 2 that gives 4 * O: each of the four pixels that
    one becomes has a kernel of its own (Shi et al. 2016, arXiv 1609.07009). A window of 2 x 2 pixels is all that the
    four doubled pixels around its middle see, so nothing is computed twice.
    """

    def __init__(self, layer: UpConv2d) -> None:
        with without_weights():
            super().__init__(layer.in_channels, 4 * layer.out_channels, 2, padding=1, bias=False)
        kernel_IO44 = doubling_kernel(layer.weight)
        phases = [kernel_IO44[:, :, rows][:, :, :, columns] for rows in TAPS for columns in TAPS]
        self.weight = _fixed(torch.cat(phases, dim=1).transpose(0, 1))
        self.bias = None if layer.bias is None else _fixed(layer.bias.repeat(4))

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        height, width = x_BCHW.shape[-2:]
        # One picture alone has a kernel of its own, which sums in another order: so it is given company.
        window_BPHW = super().forward(x_BCHW if len(x_BCHW) > 1 else x_BCHW.expand(2, -1, -1, -1))[: len(x_BCHW)]
        window_BHWP = window_BPHW.permute(0, 2, 3, 1)  # (B, H + 1, W + 1, P)
        phases = window_BHWP.chunk(4, dim=3)
        rows = [
            torch.stack([phases[2 * a + c][:, a : a + height, c : c + width] for c in (0, 1)], dim=3) for a in (0, 1)
        ]
        return torch.stack(rows, dim=2).flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)  # channels_last


def fold(generator: nn.Module) -> nn.Module:
    """Return a folded copy that draws the same as `generator` in eval mode, up to rounding."""
    folded = copy.deepcopy(generator).eval().requires_grad_(False)
    for module in list(folded.modules()):
        if isinstance(module, nn.Sequential):
            _fold_sequence(module)
        if isinstance(module, FoldsItself):
            module.fold_norms()
    for module in list(folded.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, UpConv2d):
                setattr(module, name, PhasedConv2d(child) if child.out_channels < NARROW else _transposed(child))
            elif isinstance(child, nn.Linear):
                setattr(module, name, _steady(child))
    return folded


def run_in(generator: nn.Module, precision: str) -> nn.Module:
    """Return `generator` (float32, on the CPU) in the form and number format in which it runs."""
    folded = fold(generator).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return halve(folded) if precision == "bfloat16" else folded


def halve(folded: nn.Module) -> nn.Module:
    """Return a copy with bfloat16 convolutions; what comes before the first and after the last stays float32.

    Noise and stem in float32 cost little and halve the largest error (docs/decisions/0006).
    """
    halved = copy.deepcopy(folded)
    for module in halved.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.bfloat16().register_forward_pre_hook(lambda _, inputs: (inputs[0].bfloat16(),))
    return halved


def fold_into(layer: nn.Conv2d | nn.Linear, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
    """Have `layer` do what `norm` does behind it; a Linear gives several numbers for each channel of the norm."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    shift = norm.bias - norm.running_mean * scale
    repeats = len(layer.weight) // len(scale)
    scale, shift = scale.repeat_interleave(repeats), shift.repeat_interleave(repeats)
    layer.weight = _fixed(layer.weight * scale.view(-1, *[1] * (layer.weight.dim() - 1)))
    layer.bias = _fixed(shift if layer.bias is None else shift + layer.bias * scale)


def _fold_sequence(layers: nn.Sequential) -> None:
    for i in range(len(layers) - 1):
        match layers[i], layers[i + 1]:
            case (nn.Conv2d() as layer, nn.BatchNorm2d() as norm) | (nn.Linear() as layer, nn.BatchNorm1d() as norm):
                fold_into(layer, norm)
                layers[i + 1] = nn.Identity()


def _transposed(layer: UpConv2d) -> nn.ConvTranspose2d:
    kernel_IO44 = doubling_kernel(layer.weight)
    with without_weights():
        same = nn.ConvTranspose2d(layer.in_channels, layer.out_channels, 4, stride=2, padding=1, bias=False)
    same.weight = _fixed(kernel_IO44)
    same.bias = None if layer.bias is None else _fixed(layer.bias)
    return same


def _steady(layer: nn.Linear) -> SteadyLinear:
    with without_weights():
        same = SteadyLinear(layer.in_features, layer.out_features, bias=False)
    same.weight, same.bias = layer.weight, layer.bias
    return same


def _fixed(tensor: torch.Tensor) -> nn.Parameter:
    return nn.Parameter(tensor.detach().contiguous(), requires_grad=False)
