"""What a network is. The one table of architectures; nothing registers itself."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from torch import nn

from models import dcgan


@dataclass(frozen=True, slots=True)
class Architecture:
    """A config class and the two networks that are built from it.

    Generator: z (B, Z), labels (B,) or None -> images (B, C, H, W) in [-1, 1].
    Discriminator: such images and labels -> logits (B,), above 0 means real.
    """

    config: Callable[..., Any]
    generator: Callable[[Any], nn.Module]
    discriminator: Callable[[Any], nn.Module]

    def parse(self, fields: dict[str, Any]) -> Any:
        """A config from stored fields; ValueError or TypeError if they do not fit."""
        return self.config(**fields)

    @staticmethod
    def fields(config: Any) -> dict[str, Any]:
        return asdict(config)


ARCHITECTURES = {
    "dcgan": Architecture(dcgan.DCGANConfig, dcgan.Generator, dcgan.Discriminator),
}
