"""From a network's numbers to pixels, and the fixed grid by which a run is watched."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.dcgan import Generator
from models.noise import draw_noise
from models.sampling import GRID_SIDE, draw, draw_samples, grid_seeds, to_uint8
from tests.fixtures import TINY


def test_the_range_of_tanh_becomes_0_to_255() -> None:
    image_BCHW = torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0, -7.0, 7.0]).reshape(1, 1, 1, 7)

    assert to_uint8(image_BCHW).flatten().tolist() == [0, 64, 128, 191, 255, 0, 255]


def test_every_pixel_value_survives_the_way_there_and_back() -> None:
    pixels = torch.arange(256, dtype=torch.float32)

    assert to_uint8((pixels / 127.5 - 1).reshape(1, 1, 16, 16)).flatten().tolist() == list(range(256))


def test_channels_go_last_and_the_input_is_left_as_it_was() -> None:
    image_BCHW = torch.rand(2, 3, 4, 5)
    before = image_BCHW.clone()

    pixels = to_uint8(image_BCHW)

    assert (pixels.shape, pixels.dtype, pixels.is_contiguous()) == ((2, 4, 5, 3), torch.uint8, True)
    assert torch.equal(image_BCHW, before)


def test_bfloat16_is_scaled_in_full_precision() -> None:
    image_BCHW = torch.full((1, 1, 1, 1), 0.75, dtype=torch.bfloat16)

    assert to_uint8(image_BCHW).item() == 223


def test_each_seed_is_drawn_with_its_noise_and_its_default_label(generator: nn.Module) -> None:
    drawn = draw(generator, [5, 6, 2**32 - 1], 4, 3)

    with torch.inference_mode():
        z_BZ = torch.from_numpy(draw_noise([5, 6, 2**32 - 1], 4))
        wanted: Tensor = to_uint8(generator(z_BZ, torch.tensor([2, 0, 0])))
    assert drawn.shape == (3, 8, 8, 1)
    assert (drawn == wanted.numpy()).all()


def test_batches_are_put_together_in_order(generator: nn.Module) -> None:
    whole = draw(generator, range(10), 4, 3)

    parts = draw(generator, range(10), 4, 3, batch=4)

    assert np.abs(whole.astype(int) - parts).max() <= 1


def test_drawing_leaves_the_network_and_the_global_generator_alone(generator: nn.Module) -> None:
    before = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    random = torch.get_rng_state()

    draw(generator, range(8), 4, 3)

    assert all(torch.equal(before[name], tensor) for name, tensor in generator.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)


def test_an_unconditional_network_is_drawn_without_labels() -> None:
    sizes = type(TINY)(image_size=8, channels=3, latent_dim=4, width=16, num_classes=0)

    assert draw(Generator(sizes).eval(), range(3), 4, 0).shape == (3, 8, 8, 3)


@pytest.mark.parametrize(("classes", "columns"), [(0, 8), (1, 8), (2, 2), (3, 3), (10, 10), (11, 8), (1000, 8)])
def test_the_grid_has_a_column_a_class_where_there_are_2_to_10(classes: int, columns: int) -> None:
    seeds = grid_seeds(classes)

    assert len(grid_seeds(classes)) == GRID_SIDE * columns
    assert list(seeds) == list(range(8 * columns))
    if 2 <= classes <= 10:
        assert all(seed % classes == seed % columns for seed in seeds)


def test_the_grid_draws_only_classes_that_had_pictures(generator: nn.Module) -> None:
    samples = draw_samples(generator, 4, 3, [0, 2])

    assert (samples == draw(generator, range(16), 4, 3, labels=[0, 2] * 8)).all()
    assert (draw_samples(generator, 4, 3) == draw(generator, range(24), 4, 3)).all()
