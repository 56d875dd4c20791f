"""The extractors with weights of others: that they compute what those weights mean, and refuse any other file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from core.errors import TrainingFailed
from core.media.images import Images
from worker.training.scores import efficientnet, inception
from worker.training.scores.efficientnet import EfficientNetLite0, load_weights, weights_file
from worker.training.scores.extractor import extract, to_pixels
from worker.training.scores.inception import Inception

CPU = torch.device("cpu")

needs_weights = pytest.mark.skipif(not efficientnet.is_installed(), reason="efficientnet-lite0 is not installed")


def picture(side: int) -> Images:
    """Waves, a gradient and a chessboard, in red, green and blue."""
    y, x = np.mgrid[0:side, 0:side]
    red, green, blue = 127 + 120 * np.sin(x / 17), y * 255 // (side - 1), (x // 28 + y // 28) % 2 * 200
    return np.stack([red, green, blue], axis=2).astype(np.uint8)[None]


@needs_weights
def test_the_weights_read_a_picture_as_the_network_they_were_published_with_does() -> None:
    network = efficientnet.EfficientNetModule()
    network.load_state_dict(load_weights(weights_file()))

    with torch.inference_mode():
        logits_K = network.eval().logits(to_pixels(picture(224), CPU))[0]

    # written down from efficientnet-lite-pytorch 0.1.0
    best = logits_K.topk(5)
    assert best.indices.tolist() == [111, 769, 892, 418, 844]
    assert best.values.tolist() == pytest.approx([3.1512, 3.0018, 2.9396, 2.8815, 2.8675], abs=1e-3)


@needs_weights
def test_small_large_grey_and_coloured_pictures_all_have_features() -> None:
    extractor = EfficientNetLite0(CPU)
    grey = picture(28)[..., :1]

    small, as_colour, large = (extractor(each) for each in (grey, np.repeat(grey, 3, axis=3), picture(256)))

    assert small.values_ND.shape == large.values_ND.shape == (1, 1280)
    assert small.values_ND.dtype == np.float32
    assert small.class_N is None
    assert np.array_equal(small.values_ND, as_colour.values_ND)


def test_a_pickle_that_is_not_the_expected_one_is_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.zeros(1)}, path)

    with pytest.raises(TrainingFailed, match="SHA-256"):
        load_weights(path)


@pytest.fixture(scope="module")
def inception_weights() -> dict[str, Any]:
    """Weights as in the port of pytorch-fid by their names and shapes, with random numbers."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return inception.InceptionModule().state_dict()


def write(path: Path, weights: dict[str, Any]) -> Path:
    save_file(weights, path)
    return path


def test_inception_takes_weights_named_as_torchvision_names_them(
    inception_weights: dict[str, Any], tmp_path: Path
) -> None:
    of_2015 = {name: tensor for name, tensor in inception_weights.items() if "num_batches" not in name}
    path = write(tmp_path / "inception.safetensors", of_2015 | {"AuxLogits.fc.bias": torch.zeros(1)})

    extractor = Inception(path, CPU)
    read = extract(extractor, [picture(32), picture(28)[..., :1]], lambda: None)

    assert read.values_ND.shape == (2, 2048)
    assert np.isfinite(read.values_ND).all()
    assert sum(tensor.numel() for tensor in of_2015.values() if tensor.ndim == 4) == 21_751_136  # Inception-v3's
    assert len(extractor.digest) == 64


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}, "fc.weight"),  # torchvision's own
        ({"Mixed_5b.branch1x1.conv.weight": torch.zeros(64, 192, 3, 3)}, "Mixed_5b"),
        ({"surplus": torch.zeros(1)}, "surplus"),
    ],
)
def test_other_weights_are_refused_and_the_message_names_what_differs(
    inception_weights: dict[str, Any], change: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "other.safetensors", inception_weights | change)

    with pytest.raises(TrainingFailed, match=f"other.safetensors does not hold.*{said}"):
        Inception(path, CPU)


def test_a_file_that_is_no_safetensors_and_one_that_is_not_there_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no weights")

    with pytest.raises(TrainingFailed, match="text does not hold"):
        Inception(tmp_path / "text", CPU)
    with pytest.raises(TrainingFailed, match="missing cannot be read"):
        Inception(tmp_path / "missing", CPU)
    with pytest.raises(TrainingFailed, match="GANYMEDE_INCEPTION"):
        Inception(None, CPU)
