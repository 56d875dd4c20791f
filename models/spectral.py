"""Spectral norm: every weight of a network divided by its largest singular value. Knows no loss.

Miyato et al. 2018, arXiv 1802.05957. The value is followed by one power iteration each time a weight is used in
training; its two vectors are buffers, so a checkpoint has them, and in eval mode they rest.

Shape suffixes: O rows, I columns of a weight as a matrix.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

BEGINNING = 15  # power iterations before the first use


class SpectralNorm(nn.Module):
    """Divides a weight by its largest singular value."""

    u_O: Tensor
    v_I: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        matrix_OI = weight.detach().flatten(1)
        self.register_buffer("u_O", F.normalize(torch.randn(len(matrix_OI)), dim=0))
        self.register_buffer("v_I", F.normalize(torch.randn(matrix_OI.shape[1]), dim=0))
        for _ in range(BEGINNING):
            self._iterate(matrix_OI)

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):
            matrix_OI = weight.flatten(1)
            if self.training:
                self._iterate(matrix_OI.detach())
            # copies: the buffers are written again before the first of two passes is differentiated
            sigma = self.u_O.clone() @ matrix_OI @ self.v_I.clone()
            return weight / sigma

    @torch.no_grad()
    def _iterate(self, matrix_OI: Tensor) -> None:
        self.v_I.copy_(F.normalize(self.u_O @ matrix_OI, dim=0))
        self.u_O.copy_(F.normalize(matrix_OI @ self.v_I, dim=0))


def constrain(network: nn.Module) -> None:
    """Put every weight under spectral norm, but not those that begin at zero, which have no direction."""
    for module in list(network.modules()):
        if isinstance(module, nn.Conv2d | nn.Linear | nn.Embedding):
            assert module.weight.any()
            parametrize.register_parametrization(module, "weight", SpectralNorm(module.weight))
