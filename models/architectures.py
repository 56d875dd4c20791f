"""The tables of architectures; nothing registers itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from core.resolved import Conditioning
from models import classifier, dcgan, mlp, r3gan, resnet, unet
from models.classifier import ClassDiscriminator, PictureClassifier
from models.discriminator import HEADS, Discriminator, planes_of
from models.encoder import Encoder
from models.sizes import DCGANClassifierConfig, DCGANConfig


@dataclass(frozen=True, slots=True)
class Architecture:
    """The two parts that are built from a config, whose class is in the table of models/sizes.py.

    generator: z (B, Z), labels (B,) or None -> images (B, C, H, W) in [-1, 1]. One for completion takes pictures too.
    trunk: of a config and a number of channels; images of so many channels -> features (B, F).
    """

    generator: Callable[[Any], nn.Module]
    trunk: Callable[[Any, int], Any]

    def discriminator(self, config: Any, conditioning: Conditioning) -> Discriminator:
        """Build trunk and head; `conditioning` is "none" exactly if the config has no classes."""
        assert (conditioning == "none") == (config.num_classes == 0)
        planes = planes_of(conditioning, config.num_classes)
        trunk = self.trunk(config, config.channels + planes)
        return Discriminator(trunk, HEADS[conditioning](trunk.features, config.num_classes), planes)

    def encoder(self, config: Any) -> Encoder:
        """Build a VAE's encoder, whose decoder is the generator; planes beside the image hold the label, if any."""
        trunk = self.trunk(config, config.channels + config.num_classes)
        return Encoder(trunk, trunk.features, config.latent_dim, config.num_classes)


@dataclass(frozen=True, slots=True)
class ClassifierArchitecture:
    """A classifier, and the generator that it learns against, which draws without regard to classes."""

    classifier: Callable[[Any], ClassDiscriminator]
    generator: Callable[[Any], nn.Module]

    def published(self, config: Any) -> PictureClassifier:
        made = self.classifier(config)
        return PictureClassifier(made.trunk, made.classes)


def _unconditional(config: DCGANClassifierConfig) -> dcgan.Generator:
    sizes = {name: getattr(config, name) for name in ("image_size", "channels", "latent_dim", "width", "depth")}
    return dcgan.Generator(DCGANConfig(num_classes=0, **sizes))


ARCHITECTURES = {
    "mlp": Architecture(mlp.Generator, mlp.Trunk),
    "dcgan": Architecture(dcgan.Generator, dcgan.Trunk),
    "resnet": Architecture(resnet.Generator, resnet.Trunk),
    "r3gan": Architecture(r3gan.Generator, r3gan.Trunk),
    "unet": Architecture(unet.Generator, dcgan.Trunk),
}
CLASSIFIERS = {
    "mlp-classifier": ClassifierArchitecture(classifier.dense, classifier.DenseGenerator),
    "dcgan-classifier": ClassifierArchitecture(classifier.convolutional, _unconditional),
}


def published_network(architecture: str, config: Any) -> nn.Module:
    """Build the network whose weights a version has; KeyError for an architecture that is not in the tables."""
    if architecture in CLASSIFIERS:
        return CLASSIFIERS[architecture].published(config)
    return ARCHITECTURES[architecture].generator(config)
