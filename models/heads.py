"""From a discriminator that names classes (acgan's) to a classifier that can be published. Knows no training."""

from dataclasses import fields
from typing import NamedTuple

import torch
from torch import nn

from models import dcgan
from models.architectures import CLASSIFIERS
from models.classifier import PictureClassifier
from models.discriminator import AuxiliaryClassifier, Discriminator
from models.sizes import DCGANClassifierConfig, DCGANConfig

ARCHITECTURE = "dcgan-classifier"


class ClassHead(NamedTuple):
    """A classifier, and the sizes that build it again."""

    network: PictureClassifier
    config: DCGANClassifierConfig


def class_head(discriminator: nn.Module, config: DCGANConfig) -> ClassHead:
    """Return a copy of trunk and class head, in eval mode, on the CPU; the score of real or drawn is left out."""
    assert isinstance(discriminator, Discriminator)
    assert isinstance(discriminator.trunk, dcgan.Trunk)
    assert isinstance(discriminator.head, AuxiliaryClassifier)
    sizes = DCGANClassifierConfig(**{field.name: getattr(config, field.name) for field in fields(config)})
    with torch.random.fork_rng(devices=[]):  # to build a network draws weights
        network = CLASSIFIERS[ARCHITECTURE].published(sizes)
    network.trunk.load_state_dict(discriminator.trunk.state_dict())
    network.classes.load_state_dict(discriminator.head.classes.state_dict())
    return ClassHead(network.eval().requires_grad_(False), sizes)
