"""The generator that all servers of the benchmark draw with."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bench.serving import generator
from core.media.images.png import write_png
from models.sampling import draw
from models.version import WEIGHTS_FILE


def test_its_weights_are_the_same_on_every_call_whatever_was_drawn_before() -> None:
    config = generator.config_of(32)

    first = generator.make(config).state_dict()
    torch.rand(3)
    again = generator.make(config).state_dict()

    assert all(torch.equal(first[name], again[name]) for name in first)


def test_its_pictures_differ_and_are_as_hard_to_compress_as_noise_of_their_contrast() -> None:
    config = generator.config_of(32)

    images_BHWC = draw(generator.make(config), range(16), config.latent_dim, config.num_classes)

    assert images_BHWC.shape == (16, 32, 32, 3)
    assert len({image.tobytes() for image in images_BHWC}) == 16
    assert 40 < images_BHWC.std() < 80
    assert np.mean([len(write_png(image)) for image in images_BHWC]) > 0.7 * images_BHWC[0].nbytes


def test_it_is_published_with_its_weights_where_the_peers_are_told_to_look(tmp_path: Path) -> None:
    folders = generator.publish(tmp_path / "store", {"bench32": 32})

    assert (folders["bench32"] / WEIGHTS_FILE).is_file()


@pytest.mark.parametrize("size", generator.SIZES.values())
def test_its_config_is_that_of_the_page(size: int) -> None:
    config = generator.config_of(size)

    assert (config.image_size, config.channels, config.width, config.num_classes) == (size, 3, 256, 0)
