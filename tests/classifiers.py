"""Versions that classify, for tests: networks that nobody trained, which name each picture something of their own."""

from collections.abc import Sequence
from pathlib import Path

import torch

from core.registry import Registry
from models.architectures import CLASSIFIERS
from models.publish import publish_folder
from models.sizes import DCGANClassifierConfig, MLPClassifierConfig, Sizes
from models.writing import Lineage, write_generator
from tests.fixtures import CLASSES
from tests.manifests import dataset_manifest

COLOUR = DCGANClassifierConfig(image_size=16, channels=3, latent_dim=4, width=32, num_classes=3)
GREY = MLPClassifierConfig(image_size=16, channels=1, latent_dim=4, width=32, num_classes=3)


def publish_classifier(
    registry: Registry,
    folder: Path,
    name: str = "reader",
    config: Sizes = COLOUR,
    metrics: dict[str, float | None] | None = None,
    options: dict[str, str] | None = None,
    class_names: Sequence[str] = CLASSES,
) -> int:
    """Publish; `folder` is made, and `options` are those of the dataset's import. Returns the version."""
    architecture = "mlp-classifier" if isinstance(config, MLPClassifierConfig) else "dcgan-classifier"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = CLASSIFIERS[architecture].classifier(config)
        for layer in network.modules():  # untrained, it would say nearly the same of all: make it louder
            if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
                torch.nn.init.kaiming_normal_(layer.weight)
    lineage = Lineage(
        run="run_00000000000000000000",
        branch=0,
        step=1,
        images_seen=0,
        recipe="ssgan",
        architecture=architecture,
        network=config,
        dataset=dataset_manifest(class_names=list(class_names), options=options),
        metrics=metrics or {},
    )
    folder.mkdir()
    write_generator(folder, network.published(), lineage)
    return publish_folder(registry, name, folder)[0]
