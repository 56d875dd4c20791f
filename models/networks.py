"""The two networks of a run, from its numbers: the generator, and what it learns from. Knows no training."""

from typing import Any

from torch import nn

from core.resolved import EVIDENCE, ResolvedConfig
from ganymede.schemas.tasks import VersionTask
from models.architectures import ARCHITECTURES, CLASSIFIERS
from models.shapes import without_weights
from models.sizes import CONFIGS
from models.spectral import constrain


def network_config(resolved: ResolvedConfig) -> Any:
    """Return the config of the architecture that `resolved` describes."""
    return CONFIGS[resolved.architecture](**resolved.network.to_json())


def build_networks(resolved: ResolvedConfig) -> tuple[nn.Module, nn.Module]:
    """Build generator and discriminator, or decoder and encoder; weights come from torch's global random state."""
    generator, counterpart = _plain(resolved)
    if resolved.regulariser == "spectral_norm":
        constrain(counterpart)
    return generator, counterpart


def _plain(resolved: ResolvedConfig) -> tuple[nn.Module, nn.Module]:
    config = network_config(resolved)
    if config.TASK is VersionTask.CLASSIFICATION:
        kind = CLASSIFIERS[resolved.architecture]
        return kind.generator(config), kind.classifier(config)
    architecture = ARCHITECTURES[resolved.architecture]
    generator = architecture.generator(config)
    if resolved.objective == EVIDENCE:
        return generator, architecture.encoder(config)
    return generator, architecture.discriminator(config, resolved.conditioning)


def parameter_counts(resolved: ResolvedConfig) -> tuple[int, int]:
    """Count what both networks learn, without allocating memory for it."""
    with without_weights():
        networks = _plain(resolved)  # spectral norm learns nothing, and needs weights
    generator, counterpart = (sum(weight.numel() for weight in network.parameters()) for network in networks)
    return generator, counterpart


def state_bytes(resolved: ResolvedConfig) -> int:
    """Return the bytes of training: weights, gradients, Adam's two moments, and the generator's average."""
    generator, counterpart = parameter_counts(resolved)
    return 4 * (5 * generator + 4 * counterpart)
