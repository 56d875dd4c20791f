"""Networks that classify: what is published is what was trained, folded or not, from files or not."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.architectures import CLASSIFIERS
from models.classifier import ClassDiscriminator, PictureClassifier, WeightNormLinear
from models.folding import fold, run_in
from models.sizes import CONFIGS, Sizes
from models.weights import load_generator, save_generator

EACH = pytest.mark.parametrize("name", CLASSIFIERS)


def sizes(name: str, side: int = 16, channels: int = 3) -> Sizes:
    return CONFIGS[name](image_size=side, channels=channels, latent_dim=5, width=32, num_classes=4)


def network(name: str, side: int = 16, channels: int = 3) -> ClassDiscriminator:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return CLASSIFIERS[name].classifier(sizes(name, side, channels))


def pictures(side: int = 16, channels: int = 3) -> Tensor:
    source = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (6, side, side, channels), generator=source, dtype=torch.uint8)


def as_floats(picture_BHWC: Tensor) -> Tensor:
    return picture_BHWC.permute(0, 3, 1, 2).float() / 127.5 - 1


@EACH
@pytest.mark.parametrize(("side", "channels"), [(8, 1), (28, 1), (64, 3)])
def test_what_is_published_reads_bytes_as_the_trained_network_reads_floats(name: str, side: int, channels: int) -> None:
    trained, picture_BHWC = network(name, side, channels), pictures(side, channels)

    with torch.inference_mode():
        judged = trained(as_floats(picture_BHWC))
        named = trained.published()(picture_BHWC)

    assert judged.class_BK is not None
    assert named.shape == (6, 4)
    assert torch.allclose(named, judged.class_BK, atol=1e-5)
    assert torch.allclose(judged.score_B, judged.class_BK.exp().sum(dim=1).log(), atol=1e-5)
    assert len({tuple(row) for row in named.tolist()}) == 6


@EACH
def test_a_folded_classifier_names_the_same_in_a_batch_of_any_size(name: str) -> None:
    published, picture_BHWC = network(name).published(), pictures()
    folded = run_in(published, "float32")

    with torch.inference_mode():
        given, together = folded(picture_BHWC), published(picture_BHWC)
        alone = torch.cat([folded(picture_BHWC[i : i + 1]) for i in range(6)])

    assert torch.allclose(given, together, atol=1e-5)
    assert torch.allclose(alone, given, atol=1e-5)
    assert not [layer for layer in fold(published).modules() if isinstance(layer, WeightNormLinear)]


@EACH
def test_weights_come_back_from_their_file(name: str, tmp_path: Path) -> None:
    published = network(name).published()
    save_generator(tmp_path / "w.safetensors", published, name, sizes(name))

    loaded, config = load_generator(tmp_path / "w.safetensors")

    assert isinstance(loaded, PictureClassifier)
    assert config == sizes(name)
    with torch.inference_mode():
        assert torch.equal(loaded(pictures()), published(pictures()))


@EACH
def test_noise_between_the_layers_changes_what_is_named_and_none_does_not(name: str) -> None:
    trained, x_BCHW = network(name), as_floats(pictures())

    with torch.inference_mode():
        exact, again, disturbed = trained(x_BCHW), trained(x_BCHW), trained(x_BCHW, None, _louder)

    assert torch.equal(exact.score_B, again.score_B)
    assert not torch.allclose(exact.score_B, disturbed.score_B)


def _louder(numbers: Tensor, deviation: float) -> Tensor:
    return numbers + deviation


@EACH
def test_the_generator_that_it_learns_against_fits(name: str) -> None:
    drawn = CLASSIFIERS[name].generator(sizes(name))(torch.randn(3, 5), torch.tensor([0, 1, 2]))

    assert drawn.shape == (3, 3, 16, 16)
    assert bool((drawn.abs() <= 1).all())
    assert network(name)(drawn).score_B.shape == (3,)


@EACH
def test_one_class_is_nothing_to_tell(name: str) -> None:
    with pytest.raises(ValueError, match="num_classes must be 2 at least"):
        CONFIGS[name](image_size=16, channels=3, latent_dim=5, width=32, num_classes=1)
