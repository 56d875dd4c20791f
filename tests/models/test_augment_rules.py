"""When pictures are augmented, and how; what is refused at which field."""

from typing import Any

import pytest

from models.resolution import resolve
from tests.manifests import changed
from tests.models.test_recipes import DATASET, problems, spec


@pytest.mark.parametrize(("size", "few", "enough"), [(28, 2_799, 2_800), (64, 6_399, 6_400), (256, 200, 25_600)])
def test_where_there_are_few_pictures_for_their_size_ada_is_on(size: int, few: int, enough: int) -> None:
    sizes = {"height": size, "width": size}

    on, off = (resolve(spec(), changed(DATASET, **sizes, count=count)) for count in (few, enough))

    assert (on.augment, on.augment_policy) == ("ada", ("translation", "geometry", "colour"))
    assert (off.augment, off.augment_policy, off.augment_ramp) == ("none", (), None)


@pytest.mark.parametrize(("name", "kind"), [("wgan-gp", "diffaugment"), ("vae", "none"), ("r3gan", "ada")])
def test_what_few_pictures_turn_on_is_what_the_recipe_can_do(name: str, kind: str) -> None:
    assert resolve(spec(name), changed(DATASET, count=200)).augment == kind


@pytest.mark.parametrize(("steps", "ramp"), [(100_000, 500_000), (10_000, 640_000 // 5), (1, 64 // 5)])
def test_p_may_rise_as_fast_as_in_the_paper_and_faster_in_a_short_run(steps: int, ramp: int) -> None:
    assert resolve(spec(config={"augment": "ada", "steps": steps}), DATASET).augment_ramp == ramp


def test_the_changes_that_were_asked_for_are_taken() -> None:
    config = {"augment": "diffaugment", "augment_policy": ["flip", "cutout", "flip"]}

    assert resolve(spec(config=config), DATASET).augment_policy == ("flip", "cutout")


@pytest.mark.parametrize(
    ("name", "config", "pointers"),
    [
        ("vae", {"augment": "none"}, []),
        ("vae", {"augment": "ada"}, ["/config/augment"]),
        ("vae", {"augment_policy": ["flip"]}, ["/config/augment_policy"]),
        ("wgan-gp", {"augment": "ada"}, ["/config/augment"]),
        ("wgan-gp", {"augment": "diffaugment"}, []),
        ("cgan", {"augment_policy": ["flip"]}, ["/config/augment_policy"]),  # these 10,000 are not few
        ("cgan", {"augment": "diffaugment", "augment_policy": ["colour", "geometry"]}, ["/config/augment_policy"]),
        ("cgan", {"augment": "ada", "augment_policy": ["colour", "geometry"]}, []),
    ],
)
def test_an_augmentation_that_cannot_be_is_refused(name: str, config: dict[str, Any], pointers: list[str]) -> None:
    assert problems(spec(name, config=config)) == pointers
