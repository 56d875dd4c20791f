"""When pictures that are alike, or classes that are gone, are a collapse; and when they are none."""

import pytest

from models.recipes import RECIPES
from tests.worker.diagnosis.conftest import MakeWindow, found, learnt, score, verdict


def test_alike_pictures_at_two_evaluations_in_a_row_are_a_collapse(make_window: MakeWindow) -> None:
    window = learnt(make_window())

    score(window, diversity=0.1, missing_classes=2)
    at_one = verdict(window)
    score(window, diversity=0.1, missing_classes=2)

    assert (at_one, verdict(window)) == ("healthy", "mode_collapse")
    assert (
        found(window).summary
        == "since step 500 drawn pictures are 10% as varied as real ones, and 2 classes are missing"
    )
    assert found(window).numbers == {"diversity": 0.1, "missing_classes": 2, "recall": 0.5}
    assert {"recipe": "sngan", "config.generator_lr": RECIPES["cgan"].learning_rates[0] / 2}.items() <= {
        each.field: each.value for each in found(window).advice
    }.items()


def test_advice_on_a_collapse_names_the_best_pictures_of_the_run(make_window: MakeWindow) -> None:
    window = learnt(make_window())

    score(window, 2, diversity=0.1, kid=0.9)

    assert found(window).advice[0].text == "use what was published at or before step 400, where kid was best (0.1)"


@pytest.mark.parametrize(
    ("diversity", "expected"),
    [(0.3, "healthy"), (0.29, "mode_collapse")],  # the best was 0.9
)
def test_a_run_that_loses_most_of_its_variety_collapses_too(
    make_window: MakeWindow, diversity: float, expected: str
) -> None:
    window = learnt(make_window())

    score(window, 2, diversity=diversity)

    assert verdict(window) == expected


def test_variety_that_grows_is_given_time(make_window: MakeWindow) -> None:
    window = make_window()
    score(window, kid=0.5, diversity=0.3)

    for diversity in (0.05, 0.07, 0.1, 0.13, 0.17):
        score(window, kid=0.1, diversity=diversity)

    assert verdict(window) == "healthy"


@pytest.mark.parametrize("recipe", ["cgan", "dcgan"])
@pytest.mark.parametrize(("missing", "expected"), [(4, "healthy"), (5, "mode_collapse")])
def test_four_classes_lost_out_of_ten_are_a_collapse(
    make_window: MakeWindow, recipe: str, missing: int, expected: str
) -> None:
    window = learnt(make_window(recipe))
    score(window, missing_classes=1)

    score(window, 2, missing_classes=missing)

    assert verdict(window) == expected


def test_classes_that_were_never_drawn_are_not_lost(make_window: MakeWindow) -> None:
    window = learnt(make_window())

    score(window, 4, missing_classes=6)

    assert verdict(window) == "healthy"


def test_of_very_many_classes_a_sample_shows_only_some(make_window: MakeWindow) -> None:
    window = learnt(make_window("dcgan", classes=101))
    score(window, missing_classes=0)

    score(window, 3, missing_classes=80)

    assert verdict(window) == "healthy"


@pytest.mark.parametrize(("diversity", "expected"), [(0.15, "healthy"), (0.01, "mode_collapse")])
def test_a_generator_that_never_learnt_anything_has_not_collapsed_unless_all_it_draws_is_one_picture(
    make_window: MakeWindow, diversity: float, expected: str
) -> None:
    window = make_window()

    for precision in (0.0, 0.1, 0.2):
        score(window, kid=0.5, diversity=diversity, missing_classes=8, precision=precision)

    assert verdict(window) == expected


def test_a_collapse_goes_before_what_follows_from_it(make_window: MakeWindow) -> None:
    window = learnt(make_window())

    score(window, 4, diversity=0.0, label_accuracy=0.1, nearest=0.3)

    assert verdict(window) == "mode_collapse"
