"""What the discriminator sees of pictures: by how much they are changed, how often, and whether it shows."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests import records
from worker.training.augmentation import (
    BATCHES_PER_CHANGE,
    MOST,
    TARGET,
    TRANSFORMS,
    Augmentation,
    _mirrored,
    _sampled,
    _turned_hue,
    augmentation_of,
)
from worker.training.distributed import ALONE
from worker.training.randomness import Draws

EACH = [(kind, name) for kind, named in TRANSFORMS.items() for name in named]
MOVES = [(kind, name) for kind, name in EACH if name != "colour"]
Draw = Callable[..., Tensor]

each_transform = pytest.mark.parametrize(("kind", "name"), EACH)
each_number_of_channels = pytest.mark.parametrize("channels", [1, 3])


def numbers(seed: int = 0) -> Draws:
    return Draws(torch.Generator().manual_seed(seed))


def pictures(count: int = 16, channels: int = 1, size: int = 8, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(count, channels, size, size, generator=numbers(1).source, dtype=dtype) * 2 - 1


def changed(kind: str, name: str, images_BCHW: Tensor, p: float, seed: int = 0) -> Tensor:
    return TRANSFORMS[kind][name](images_BCHW, torch.tensor(p), numbers(seed))


def which_changed(before_BCHW: Tensor, after_BCHW: Tensor) -> Tensor:
    return (before_BCHW != after_BCHW).flatten(1).any(dim=1)


@each_number_of_channels
@each_transform
def test_at_p_0_pictures_stay_as_they_are_to_the_bit(kind: str, name: str, channels: int) -> None:
    images_BCHW = pictures(channels=channels)

    after_BCHW = changed(kind, name, images_BCHW, p=0.0)

    assert torch.equal(after_BCHW, images_BCHW)


@each_number_of_channels
@each_transform
def test_at_p_1_nearly_every_picture_is_changed_and_stays_a_picture(kind: str, name: str, channels: int) -> None:
    images_BCHW = pictures(count=500, channels=channels, size=16)

    after_BCHW = changed(kind, name, images_BCHW, p=1.0)

    share = which_changed(images_BCHW, after_BCHW).float().mean().item()
    assert share > {"flip": 0.4, "time": 0.75}.get(name, 0.85)  # a picture may be moved by no pixel
    assert after_BCHW.shape == images_BCHW.shape
    assert after_BCHW.dtype == images_BCHW.dtype
    assert bool(torch.isfinite(after_BCHW).all())


@pytest.mark.parametrize("p", [0.2, 0.5])
@each_transform
def test_pictures_are_changed_as_often_as_p_says(kind: str, name: str, p: float) -> None:
    images_BCHW = pictures(count=4000)
    of_all = which_changed(images_BCHW, changed(kind, name, images_BCHW, p=1.0)).float().mean().item()

    share = which_changed(images_BCHW, changed(kind, name, images_BCHW, p=p)).float().mean().item()

    alone = {"geometry": 4, "colour": 2}.get(name, 1) if kind == "ada" else 1  # changes that are chosen one by one
    expected = 1 - (1 - p) ** alone if alone > 1 else p * of_all
    assert share == pytest.approx(expected, abs=0.04)


@each_number_of_channels
@pytest.mark.parametrize(("kind", "name"), MOVES)
def test_what_moves_pixels_makes_none_brighter_or_darker_than_there_were(kind: str, name: str, channels: int) -> None:
    images_BCHW = pictures(count=200, channels=channels)

    after_BCHW = changed(kind, name, images_BCHW, p=1.0)

    assert after_BCHW.abs().max() <= 1.0


@each_number_of_channels
def test_diffaugment_keeps_colours_within_its_bounds(channels: int) -> None:
    images_BCHW = pictures(count=2000, channels=channels)

    after_BCHW = changed("diffaugment", "colour", images_BCHW, p=1.0)

    # brighter by 0.5 of a range of 2, then up to 2 times as far from grey and 1.5 times as far from the mean
    assert after_BCHW.abs().max() <= 1.5 * (2 if channels == 3 else 1) * (1 + 0.5) * 2
    by = (after_BCHW - images_BCHW).mean(dim=(1, 2, 3))
    assert by.abs().max() <= 0.5 + 1e-5
    assert by.std().item() == pytest.approx(1 / math.sqrt(12), rel=0.1)  # of U(-0.5, 0.5)


def test_ada_changes_brightness_and_contrast_as_its_paper_says() -> None:
    images_BCHW = pictures(count=20_000, size=4)
    spread_B = images_BCHW.flatten(1).std(dim=1)

    after_BCHW = changed("ada", "colour", images_BCHW, p=1.0)

    contrast_B = (after_BCHW.flatten(1).std(dim=1) / spread_B).log2()
    brighter_B = (after_BCHW.mean(dim=(1, 2, 3)) / contrast_B.exp2()) - images_BCHW.mean(dim=(1, 2, 3))
    assert contrast_B.mean().abs() < 0.02
    assert contrast_B.std().item() == pytest.approx(0.5, rel=0.05)
    assert brighter_B.std().item() == pytest.approx(0.2, rel=0.05)


def test_turning_the_hue_keeps_greys_grey_and_how_colourful_a_pixel_is() -> None:
    images_BCHW = pictures(channels=3, dtype=torch.float64)
    third = torch.full((len(images_BCHW), 1, 1, 1), 2 * math.pi / 3, dtype=torch.float64)

    turned = _turned_hue(images_BCHW, third)

    assert torch.allclose(turned, images_BCHW.roll(1, dims=1)) or torch.allclose(turned, images_BCHW.roll(-1, dims=1))
    assert torch.allclose(turned.mean(dim=1), images_BCHW.mean(dim=1))


def test_what_comes_in_at_an_edge_is_grey_with_diffaugment_and_a_mirror_image_with_ada() -> None:
    images_BCHW = torch.full((50, 1, 8, 8), -1.0)

    def values(kind: str, name: str) -> set[float]:
        return {round(value, 5) for value in changed(kind, name, images_BCHW, p=1.0).flatten().tolist()}

    assert values("diffaugment", "translation") == {-1.0, 0.0}
    assert values("ada", "translation") == {-1.0}
    assert values("ada", "geometry") == {-1.0}


@pytest.mark.parametrize("kind", ["ada", "diffaugment"])
def test_sounds_are_moved_in_time_alone_and_what_comes_in_is_silence(kind: str) -> None:
    images_BCHW = pictures(count=40, size=16)

    after_BCHW = changed(kind, "time", images_BCHW, p=1.0)

    for before_CHW, after_CHW in zip(images_BCHW, after_BCHW, strict=True):
        moved = {by: torch.full_like(before_CHW, -1.0) for by in (-2, -1, 0, 1, 2)}
        for by, expected_CHW in moved.items():
            width = 16 - abs(by)
            expected_CHW[..., max(0, by) : max(0, by) + width] = before_CHW[..., max(0, -by) : max(0, -by) + width]
        assert any(torch.equal(after_CHW, expected_CHW) for expected_CHW in moved.values())
    assert 10 < which_changed(images_BCHW, after_BCHW).sum() < 40


def test_pictures_are_sampled_between_pixels_and_beyond_their_edges() -> None:
    images_BCHW = pictures(count=1, size=6)
    y_1P, x_1P = ((torch.arange(36) // 6).float()[None], (torch.arange(36) % 6).float()[None])

    moved = _sampled(images_BCHW, y_1P - 2, x_1P + 1)
    halfway = _sampled(images_BCHW, y_1P, x_1P + 0.5)

    assert torch.equal(moved[0, 0, 2:, :5], images_BCHW[0, 0, :4, 1:])
    assert torch.equal(moved[0, 0, 0, :5], images_BCHW[0, 0, 1, 1:])  # mirrored at the upper edge
    between = (images_BCHW[..., :5] + images_BCHW[..., 1:]) / 2
    assert torch.allclose(halfway[..., :5], between)
    for place, mirrored in ((-1, 0), (-6, 5), (-7, 5), (6, 5), (11, 0), (12, 0), (13, 1), (-13, 0), (3, 3)):
        assert _mirrored(torch.tensor([[place]]), 6).item() == mirrored
        assert _mirrored(torch.tensor([[float(place)]]), 6).item() == mirrored


def test_geometry_moves_what_is_in_the_middle_to_nowhere_on_average() -> None:
    size = 17
    images_BCHW = torch.zeros(4000, 1, size, size)
    images_BCHW[:, 0, size // 2, size // 2] = 1.0
    place_P = torch.arange(size * size)

    after_BP = changed("ada", "geometry", images_BCHW, p=0.5).flatten(1).double()

    after_BP = after_BP[after_BP.sum(dim=1) > 0]  # some are moved beyond the edge
    for coordinate_P in (place_P // size, place_P % size):
        middle_B = (after_BP * coordinate_P).sum(dim=1) / after_BP.sum(dim=1)
        assert middle_B.mean().item() == pytest.approx(size // 2, abs=0.15)
        assert 0.5 < middle_B.std().item() < 0.15 * size


def test_a_cut_is_half_as_wide_and_as_high_as_the_picture_unless_it_ends_at_an_edge() -> None:
    images_BCHW = torch.full((2000, 1, 8, 8), -1.0)

    is_cut_BHW = changed("diffaugment", "cutout", images_BCHW, p=1.0)[:, 0] == 0.0

    heights, widths = is_cut_BHW.any(dim=2).sum(dim=1), is_cut_BHW.any(dim=1).sum(dim=1)
    assert (heights.max().item(), widths.max().item()) == (4, 4)
    assert heights.min() >= 1
    assert bool((is_cut_BHW.flatten(1).sum(dim=1) == heights * widths).all())


@each_number_of_channels
@each_transform
def test_gradients_go_through_and_can_be_differentiated_again(kind: str, name: str, channels: int) -> None:
    images_BCHW = pictures(count=3, channels=channels, size=4, dtype=torch.float64).requires_grad_()

    def transform(images: Tensor) -> Tensor:
        # cubed: what is linear in the picture has no second derivative to be checked
        return changed(kind, name, images, p=0.7, seed=3) ** 3

    assert torch.autograd.gradcheck(transform, (images_BCHW,))
    assert torch.autograd.gradgradcheck(transform, (images_BCHW,))


@each_transform
def test_each_picture_is_changed_by_numbers_of_its_own(kind: str, name: str) -> None:
    images_BCHW = pictures(count=1).expand(64, 1, 8, 8)

    after_BCHW = changed(kind, name, images_BCHW, p=1.0)

    different = {tuple(image.flatten().tolist()) for image in after_BCHW}
    assert len(different) >= {"flip": 2, "time": 3}.get(name, 9)  # 3 by 3 pixels


def kept(p: float = 0.0) -> Tensor:
    return torch.tensor([p, 0.0, 0.0])


def lead(augmentation: Augmentation, kept_3: Tensor, right: int, batches: int) -> float:
    """p after batches of 10 real pictures each, `right` of which are taken for real."""
    sign_B = torch.tensor([1.0] * right + [-1.0] * (10 - right))
    for _ in range(batches):
        augmentation.lead(kept_3, sign_B, ALONE)
    return kept_3[0].item()


def test_p_rises_by_one_in_as_many_images_of_an_overfitting_discriminator_as_it_should() -> None:
    kept_3 = kept()

    p = lead(Augmentation(ramp=1000), kept_3, right=10, batches=40)

    assert p == pytest.approx(400 / 1000)


def test_p_falls_again_and_stays_between_nothing_and_where_it_would_show() -> None:
    augmentation, kept_3 = Augmentation(ramp=1000), kept()

    assert lead(augmentation, kept_3, right=10, batches=400) == pytest.approx(MOST)
    assert lead(augmentation, kept_3, right=7, batches=40) == pytest.approx(MOST - 0.4)  # r_t is 0.4
    assert lead(augmentation, kept_3, right=7, batches=400) == 0.0


def test_r_t_at_its_target_leaves_p_alone() -> None:
    assert TARGET == 0.6

    assert lead(Augmentation(ramp=100), kept(0.3), right=8, batches=40) == pytest.approx(0.3)


def test_p_changes_once_in_four_batches_by_what_all_of_them_say() -> None:
    augmentation, kept_3 = Augmentation(ramp=100), kept(0.4)
    sure, unsure = torch.ones(10), -torch.ones(10)

    told = [augmentation.lead(kept_3, sign_B, ALONE) for sign_B in (sure, sure, sure, unsure)]  # r_t is 0.5

    assert [0.4 if p is None else round(p.item(), 4) for p in told] == [0.4, 0.4, 0.4, 0.0]
    assert kept_3.tolist() == [0.0, 0.0, 0.0]
    assert len(told) == BATCHES_PER_CHANGE


def test_without_a_ramp_p_stays() -> None:
    always = augmentation_of(records.numbers(augment="diffaugment", augment_policy=["colour"]))
    kept_3 = always.begin(torch.device("cpu"))

    assert always.lead(kept_3, torch.ones(10), ALONE) is None
    assert kept_3.tolist() == [1.0, 0.0, 0.0]


def test_a_run_of_an_earlier_build_is_not_augmented() -> None:
    images_BCHW = pictures()

    assert torch.equal(augmentation_of(records.numbers())(images_BCHW, kept(1.0), numbers()), images_BCHW)
