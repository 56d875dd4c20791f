"""The two networks of a run, from its numbers: the generator, and what it learns from. Knows no training."""

from typing import Any

import torch
from torch import nn

from core.resolved import EVIDENCE, ResolvedConfig
from models import ARCHITECTURES
from models.spectral import constrain


def network_config(resolved: ResolvedConfig) -> Any:
    """The config of the architecture that `resolved` describes."""
    return ARCHITECTURES[resolved.architecture].config(**resolved.network.to_json())


def build_networks(resolved: ResolvedConfig) -> tuple[nn.Module, nn.Module]:
    """Generator and discriminator; of a VAE, decoder and encoder. Weights come from torch's global random state."""
    generator, counterpart = _plain(resolved)
    if resolved.regulariser == "spectral_norm":
        constrain(counterpart)
    return generator, counterpart


def _plain(resolved: ResolvedConfig) -> tuple[nn.Module, nn.Module]:
    architecture, config = ARCHITECTURES[resolved.architecture], network_config(resolved)
    generator = architecture.generator(config)
    if resolved.objective == EVIDENCE:
        return generator, architecture.encoder(config)
    return generator, architecture.discriminator(config, resolved.conditioning)


def parameter_counts(resolved: ResolvedConfig) -> tuple[int, int]:
    """How many numbers both learn. Takes no memory for them."""
    with torch.device("meta"):
        networks = _plain(resolved)  # spectral norm learns nothing, and needs weights
    generator, counterpart = (sum(weight.numel() for weight in network.parameters()) for network in networks)
    return generator, counterpart


def state_bytes(resolved: ResolvedConfig) -> int:
    """Of all that training keeps of both: weights, gradients, Adam's two moments; and of the generator its average."""
    generator, counterpart = parameter_counts(resolved)
    return 4 * (5 * generator + 4 * counterpart)
