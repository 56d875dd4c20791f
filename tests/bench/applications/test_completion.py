"""Holes of digits, filled in several ways: where they are, how each way fills them, and what is told."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.applications import completion
from bench.applications import holes as filling
from bench.applications.holes import MiddleHoles
from bench.dataset import Digits, read_bundled
from bench.starter_uses import Version
from core.media.images import Images
from core.registry import Registry
from docs.pages.applications import applications_page
from models.sizes import UNetConfig
from models.starters import DIGITS_COMPLETE
from tests.fixtures import PublishTiny

LEARNT = read_bundled().images[::50][..., None]


@pytest.fixture
def holes() -> MiddleHoles:
    return MiddleHoles(read_bundled().images[7::1000][..., None])


def test_the_hole_is_a_square_in_the_middle(holes: MiddleHoles) -> None:
    shown = holes.holed(range(10), None)

    assert np.array_equal(np.argwhere(holes.hole)[[0, -1]], [[7, 7], [20, 20]])
    assert holes.hole.sum() == 14 * 14
    assert not shown[:, 7:21, 7:21].any()
    assert np.array_equal(shown[:, :7, :, 0], holes.images_NHWC[:, :7, :, 0])


WAYS: tuple[Callable[[MiddleHoles], Images], ...] = (
    lambda holes: filling.by_mean(LEARNT, holes),
    lambda holes: filling.by_nearest(LEARNT, holes),
    filling.by_biharmonic,
)


@pytest.mark.parametrize("way", WAYS, ids=["mean", "nearest", "biharmonic"])
def test_known_pixels_stay_whichever_way_the_hole_is_filled(
    way: Callable[[MiddleHoles], Images], holes: MiddleHoles
) -> None:
    filled = way(holes)

    assert filled.dtype == np.uint8
    assert np.array_equal(filled[:, ~holes.hole], holes.images_NHWC[:, ~holes.hole])
    assert not np.array_equal(filled, holes.images_NHWC)


def test_the_nearest_of_pictures_that_hold_the_same_is_the_same(holes: MiddleHoles) -> None:
    everything = np.concatenate([LEARNT, holes.images_NHWC])

    assert np.array_equal(filling.by_nearest(everything, holes), holes.images_NHWC)


def test_the_ratio_of_signal_to_noise_is_that_of_the_hole_alone(holes: MiddleHoles) -> None:
    off_by_51 = np.where(holes.images_NHWC > 127, holes.images_NHWC - 51, holes.images_NHWC + 51).astype(np.uint8)

    assert holes.psnr(holes.filled(off_by_51)) == pytest.approx(20 * np.log10(255 / 51))


def test_every_way_is_told_beside_whole_digits(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, publish_tiny: PublishTiny
) -> None:
    """By a network of no use, on a few digits; the search is short."""
    sizes = UNetConfig(image_size=28, channels=1, latent_dim=4, width=32, num_classes=0)
    publish_tiny(DIGITS_COMPLETE, config=sizes)
    few = read_bundled()
    digits = Digits(few.images[::250], few.labels[::250])
    monkeypatch.setattr(completion, "read_mnist", lambda _folder, _part: digits)
    monkeypatch.setattr(filling, "SEARCH_STEPS", 2)

    result = completion.measure(Version(registry, DIGITS_COMPLETE, 1), tmp_path, pictures=30, searched=2)

    assert set(result.ways) == {"network", "mean", "nearest", "biharmonic", "real"}
    assert result.ways["real"].accuracy > 0.9
    assert result.ways["nearest"].accuracy == 1  # each was learnt from
    assert result.ways["mean"].frechet_distance is None  # of so few
    assert set(result.of_a_sample) == {"network", "search"}
    assert result.of_a_sample["search"].pictures == 2
    assert "mean" in completion.table(result)
    (tmp_path / "completion-here.json").write_text(json.dumps(result.model_dump()))
    page = applications_page(tmp_path, tmp_path)
    assert "| training digit whose known pixels are nearest | 100.00% |" in page
    assert "| `method=search` with `digits` |" in page
    assert "## Speech" not in page  # nobody has measured it
