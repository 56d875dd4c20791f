"""The generators that every server draws with, published as models of a temporary store. Knows no server.

Untrained weights draw grey. So BatchNorm gets the statistics of a few batches of noise, and the last layer is scaled
until the pictures have contrast: such pictures are as hard to compress as photographs, and no network is trained.

Shape suffixes: B images, C channels, H height, W width.
"""

import tempfile
from pathlib import Path

import torch

from bench.unstored import unstored
from core.registry import Registry
from core.store import Store
from models.dcgan import Generator
from models.publish import publish_folder
from models.sizes import DCGANConfig
from models.writing import Lineage, write_generator

SIZES = {"bench32": 32, "bench256": 256}  # model -> pixels a side
RAW_STD = 0.6  # of the values before tanh
BATCHES, BATCH = 4, 64


def config_of(image_size: int) -> DCGANConfig:
    return DCGANConfig(image_size=image_size, channels=3, latent_dim=100, width=256, num_classes=0)


def make(config: DCGANConfig) -> Generator:
    """An untrained generator in eval mode, the same one for the same config on every call."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        generator = Generator(config).requires_grad_(False).train()
        for module in generator.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None  # the plain mean over all batches
        for _ in range(BATCHES):
            generator(torch.randn(BATCH, config.latent_dim))
        generator.eval()
        drawn_BCHW = generator(torch.randn(BATCH, config.latent_dim))
        raw_BCHW = drawn_BCHW.clamp(-0.999, 0.999).atanh()
        last = generator.to_image.weight
        last.mul_(RAW_STD / raw_BCHW.std())
    return generator


def publish(store_path: Path, sizes: dict[str, int] | None = None) -> dict[str, Path]:
    """Publish each model into the store; returns the folders that hold their weights."""
    registry, sizes = Registry(Store(store_path)), sizes or SIZES
    configs = {model: config_of(image_size) for model, image_size in sizes.items()}
    return {model: publish_version(registry, model, config, make(config)) for model, config in configs.items()}


def publish_version(registry: Registry, model: str, config: DCGANConfig, generator: Generator, step: int = 1) -> Path:
    """Publish one version, as of `step` of a run that was never made; returns its folder."""
    lineage = Lineage(
        run="run_" + "0" * 20,
        branch=0,
        step=step,
        images_seen=0,
        recipe="dcgan",
        architecture="dcgan",
        network=config,
        dataset=unstored("none"),
        metrics={},
    )
    with tempfile.TemporaryDirectory() as folder:
        write_generator(Path(folder), generator, lineage)
        version, _ = publish_folder(registry, model, Path(folder), by_hand=True)
    return registry.folder(model, version)
