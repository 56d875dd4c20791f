"""A folded generator with its weights in the layout of the CPU's kernels. Knows no device but the CPU.

oneDNN brings a weight into its own layout at each call: half a millisecond of a batch for the DCGAN of 32 px, whose
smallest batch takes one in all. Packed once, and with the activation done while the numbers are at hand, that is saved.
torch does this in inductor when it freezes weights (torch/_inductor/fx_passes/mkldnn_fusion.py), with these operators;
they are no public interface, so a build without them runs the network as it is.

Shape suffixes: B images, I input channels, H height, W width.
"""

import torch
from torch import Tensor, nn

OPERATORS = ("_reorder_convolution_transpose_weight", "_convolution_transpose_pointwise")


class PackedConvTranspose2d(nn.Module):
    """A ConvTranspose2d and the LeakyReLU behind it, if any: (B, I, H, W) to (B, O, 2H, 2W), both channels_last."""

    def __init__(self, layer: nn.ConvTranspose2d, activation: nn.LeakyReLU | None) -> None:
        super().__init__()
        self._shape = (layer.padding, layer.output_padding, layer.stride, layer.dilation, layer.groups)
        self._bias, self._dtype = layer.bias, layer.weight.dtype
        self._weight = torch.ops.mkldnn._reorder_convolution_transpose_weight(layer.weight, *self._shape)
        self._activation = ("none", []) if activation is None else ("leaky_relu", [activation.negative_slope])

    def forward(self, x_BIHW: Tensor) -> Tensor:
        x_BIHW = x_BIHW.to(dtype=self._dtype, memory_format=torch.channels_last)
        drawn: Tensor = torch.ops.mkldnn._convolution_transpose_pointwise(
            x_BIHW, self._weight, self._bias, *self._shape, *self._activation, ""
        )
        return drawn


def pack(folded: nn.Module) -> nn.Module:
    """Pack `folded` in place, under inference_mode, if this build's operators can; it draws the same up to rounding."""
    if not all(hasattr(torch.ops.mkldnn, name) for name in OPERATORS):
        return folded
    has_bfloat16 = any(weight.dtype == torch.bfloat16 for weight in folded.parameters())
    if has_bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return folded
    with torch.inference_mode():
        for layers in [module for module in folded.modules() if isinstance(module, nn.Sequential)]:
            for i, layer in enumerate(layers):
                if isinstance(layer, nn.ConvTranspose2d):
                    layers[i] = PackedConvTranspose2d(layer, _take_activation(layers, i + 1))
    return folded


def _take_activation(layers: nn.Sequential, start: int) -> nn.LeakyReLU | None:
    """Remove and return the activation that comes next, with nothing but Identity before it."""
    for i in range(start, len(layers)):
        layer = layers[i]
        if isinstance(layer, nn.LeakyReLU):
            layers[i] = nn.Identity()
            return layer
        if not isinstance(layer, nn.Identity):
            return None
    return None
