"""A CUDA graph draws what its network draws step by step, in every shape. Unrun so far: no machine of the project's
tests has a GPU."""

import numpy as np
import pytest
import torch

from app.engine.batch import Rows
from app.engine.forward import EagerForward, GraphForward
from models.dcgan import Generator
from models.noise import Latents
from models.sizes import DCGANConfig

pytestmark = pytest.mark.gpu

SIZES = DCGANConfig(image_size=32, channels=3, latent_dim=64, width=64, num_classes=3)


def rows(count: int, first: int) -> Rows:
    """With the noise of seeds from `first` on, and classes in turn."""
    return Rows.of(Latents(range(first, first + count)), [seed % 3 for seed in range(count)]).with_noise(64)


@pytest.fixture(scope="module")
def network() -> Generator:
    torch.manual_seed(0)
    return Generator(SIZES).eval().requires_grad_(False).to("cuda")


@pytest.mark.parametrize("count", [1, 4, 16, 64])
def test_a_graph_draws_what_its_network_draws(network: Generator, count: int) -> None:
    device = torch.device("cuda")
    graph, eager = GraphForward(network, device), EagerForward(network, device)

    drawn = [graph(rows(count, first)) for first in (0, 1000, 0)]

    assert np.array_equal(drawn[0], eager(rows(count, 0)))
    assert np.array_equal(drawn[1], eager(rows(count, 1000)))
    assert np.array_equal(drawn[2], drawn[0])
    assert not np.array_equal(drawn[1], drawn[0])


def test_a_picture_stays_what_it_was_when_the_next_batch_is_drawn(network: Generator) -> None:
    graph = GraphForward(network, torch.device("cuda"))

    first = graph(rows(4, 0))
    kept = first.copy()
    graph(rows(4, 1000))

    assert np.array_equal(first, kept)
