"""What the tests of models share: a store without a broker, a small network, a folder that can be published."""

from pathlib import Path

import pytest
import torch
from torch import nn

from core.store import Store
from models.dcgan import Generator
from models.writing import Lineage, write_generator
from tests.fixtures import TINY
from tests.manifests import dataset_manifest


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def generator() -> nn.Module:
    """An untrained network draws nearly nothing, and always the same: this one is louder."""
    torch.manual_seed(0)
    network = Generator(TINY)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, 0, 0.3)
    return network.eval()


@pytest.fixture
def lineage() -> Lineage:
    return Lineage(
        run="run_0192f1c7a4e1b2c3d4e5",
        branch=1,
        step=200,
        images_seen=12_800,
        recipe="cgan",
        architecture="dcgan",
        network=TINY,
        dataset=dataset_manifest(
            version="0123456789abcdef", digest="sha256:01", licence="CC0-1.0", attribution="nobody"
        ),
        metrics={"fd": 3.5, "kid": None},
    )


@pytest.fixture
def folder(tmp_path: Path, generator: nn.Module, lineage: Lineage) -> Path:
    """What a checkpoint's `generator/` holds."""
    path = tmp_path / "generator"
    path.mkdir()
    write_generator(path, generator, lineage)
    return path
