"""Verdicts that take scores, on windows made by hand: just beyond a limit, just within, getting better, missing."""

import pytest

from ganymede.schemas.diagnosis import Verdict
from tests.worker.diagnosis.conftest import MakeWindow, found, learnt, report, score, verdict
from worker.diagnosis import thresholds as t


def test_the_first_steps_of_a_run_are_not_judged_by_scores(make_window: MakeWindow) -> None:
    window = make_window(steps=4000)

    score(window, 4, diversity=0.0, label_accuracy=0.1, nearest=0.1, missing_classes=9)

    assert (window.step, verdict(window)) == (400, "warming_up")


def test_of_a_short_run_no_score_is_judged_before_step_200(
    make_window: MakeWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(t, "WARM_UP_LEAST", 200)
    window = make_window(steps=400)
    score(window, 2, diversity=0.0)

    early = verdict(window)
    score(window, 2, diversity=0.0)

    assert (early, window.step, verdict(window)) == ("warming_up", 400, "mode_collapse")


def test_labels_that_show_nowhere_at_four_evaluations_are_ignored(make_window: MakeWindow) -> None:
    window = make_window()
    score(window, 4, label_accuracy=0.36)  # the first is within the warming up
    at_three = verdict(window)

    score(window, 1, label_accuracy=0.36)

    assert (at_three, verdict(window)) == ("healthy", "label_ignored")
    assert found(window).summary == (
        "since step 200 only 36% of drawn pictures are read as the class asked for; chance is 10%"
    )
    assert found(window).advice[0].field is None
    assert [each.field for each in found(window).advice[1:]] == ["recipe", "config.steps"]


@pytest.mark.parametrize(("classes", "accuracy", "expected"), [(2, 0.6, "label_ignored"), (2, 0.7, "healthy")])
def test_label_accuracy_is_read_against_chance(
    make_window: MakeWindow, classes: int, accuracy: float, expected: str
) -> None:
    window = make_window(classes=classes)

    score(window, 5, label_accuracy=accuracy)

    assert verdict(window) == expected


def test_labels_that_are_being_learnt_are_given_time(make_window: MakeWindow) -> None:
    window = make_window()

    for accuracy in (0.09, 0.09, 0.09, 0.1, 0.12, 0.15, 0.16, 0.18, 0.18, 0.19, 0.2):  # sngan, at 16 px
        score(window, label_accuracy=accuracy)

    assert verdict(window) == "healthy"


def test_labels_that_go_up_and_down_about_chance_are_not_being_learnt(make_window: MakeWindow) -> None:
    window = make_window()

    for accuracy in (0.01, 0.02, 0.05, 0.16, 0.17, 0.04, 0.11, 0.14, 0.1, 0.1):  # cgan, of labels that were shuffled
        score(window, label_accuracy=accuracy)

    assert verdict(window) == "label_ignored"


def test_labels_that_come_up_to_chance_are_not_being_learnt(make_window: MakeWindow) -> None:
    window = make_window()

    for accuracy in (0.0, 0.0, 0.02, 0.04, 0.06, 0.08, 0.1):
        score(window, label_accuracy=accuracy)

    assert verdict(window) == "label_ignored"


@pytest.mark.parametrize("recipe", ["dcgan", "gan"])
def test_without_labels_none_is_ignored(make_window: MakeWindow, recipe: str) -> None:
    window = make_window(recipe)

    for kid in (0.6, 0.5, 0.4, 0.3, 0.2, 0.1):
        score(window, kid=kid, label_accuracy=0.1)

    assert verdict(window) == "healthy"


@pytest.mark.parametrize(("nearest", "expected"), [(0.79, "memorising"), (0.8, "healthy")])
def test_pictures_nearer_to_training_images_than_real_ones_are_learnt_by_heart(
    make_window: MakeWindow, nearest: float, expected: str
) -> None:
    window = make_window()

    score(window, 4, nearest=nearest)

    assert verdict(window) == expected


def test_advice_against_memorising_is_more_images_and_less_memory(make_window: MakeWindow) -> None:
    window = make_window(images=50, width=64, batch_size=16)

    score(window, 4, nearest=0.1)

    assert found(window).advice[0].text == "more images: 50 can be learnt by heart"
    assert found(window).advice[1].value == 32


KNOWN = {"d_real_accuracy": 0.95, "d_fake_accuracy": 0.9}


def test_a_discriminator_that_knows_few_images_by_heart_overfits(make_window: MakeWindow) -> None:
    window = make_window(images=100)

    report(window, 9, **KNOWN)
    at_nine = verdict(window)
    report(window, 21, **KNOWN)

    assert (at_nine, verdict(window)) == ("warming_up", "discriminator_overfitting")
    numbers = found(window).numbers
    assert numbers["r_t"] == pytest.approx(0.9)
    assert numbers["epochs"] == 300 * 64 / 100
    assert found(window).advice[0].text == "more images: 100 are too few for so many steps"


@pytest.mark.parametrize(
    ("images", "numbers"),
    [
        (10_000, KNOWN),  # it has seen each of them twice
        (100, {"d_real_accuracy": 0.89}),
        (100, {"d_real_accuracy": None}),
        (100, {"r_t": 0.6, **KNOWN}),  # augmentation measures it on what the discriminator is shown
    ],
)
def test_it_takes_few_images_and_to_be_right_on_them(
    make_window: MakeWindow, images: int, numbers: dict[str, float | None]
) -> None:
    window = make_window(images=images)

    report(window, 30, **numbers)

    assert verdict(window) == "healthy"


def test_while_pictures_get_better_a_discriminator_may_know_its_images(make_window: MakeWindow) -> None:
    window = make_window(images=100)

    for kid in (0.5, 0.4, 0.3, 0.2):
        report(window, 10, **KNOWN)
        window.add(window.step, {"kid": kid, "diversity": 0.9})
    getting_better = verdict(window)
    for _ in range(2):
        report(window, 10, **KNOWN)
        window.add(window.step, {"kid": 0.2, "diversity": 0.9})

    assert (getting_better, verdict(window)) == ("healthy", "discriminator_overfitting")


def test_scores_that_stand_still_for_half_of_the_run_are_a_stall(make_window: MakeWindow) -> None:
    window = learnt(make_window(steps=2000))  # two of these are judged

    score(window, 3, kid=0.097)
    at_three = verdict(window)
    score(window, 1, kid=0.097)

    assert (at_three, verdict(window)) == ("healthy", "stalled")
    assert found(window).summary == (
        "no score has become better in 4 evaluations, since step 400: kid is 0.097, its best 0.097 at step 500"
    )
    assert found(window).verdict is Verdict.STALLED


@pytest.mark.parametrize(
    "numbers",
    [
        {"kid": 0.09},  # once
        {"kid": 0.1, "precision": 0.85},
        {"kid": 0.1, "label_accuracy": 1.0},
    ],
)
def test_any_score_that_gets_better_is_no_stall(make_window: MakeWindow, numbers: dict[str, float]) -> None:
    window = learnt(make_window(steps=2000))
    score(window, 2, kid=0.1)

    score(window, 1, **numbers)
    score(window, 2, kid=0.1)

    assert verdict(window) == "healthy"


def test_a_run_that_has_nothing_left_to_gain_has_not_stalled(make_window: MakeWindow) -> None:
    window = make_window(steps=2000)
    for kid in (0.5, 0.1, 0.01, 0.0029):
        score(window, kid=kid)

    score(window, 8, kid=0.0029, kid_floor=0.001)

    assert verdict(window) == "healthy"


def test_fd_serves_where_there_is_no_kid(make_window: MakeWindow) -> None:
    window = make_window(steps=2000)

    score(window, 8, kid=None, kid_floor=None, fd=30.0)

    assert verdict(window) == "stalled"
    assert "fd is 30, its best 30" in found(window).summary
    assert found(window).advice[-1].field == "recipe"


def test_a_learning_rate_far_below_the_recipes_own_is_named(make_window: MakeWindow) -> None:
    window = make_window(steps=2000, generator_lr=1e-9)

    score(window, 8, kid=0.5)

    assert ("config.generator_lr", 4e-4) in [(each.field, each.value) for each in found(window).advice]


def test_without_scores_nobody_is_accused_of_what_only_scores_show(make_window: MakeWindow) -> None:
    window = make_window()

    report(window, 90)

    assert verdict(window) == "healthy"


def test_clips_that_are_mostly_silent_twice_are_silence_before_they_are_alike(make_window: MakeWindow) -> None:
    window = learnt(make_window())
    score(window, 1, silent_share=0.8, diversity=0.01)
    once = verdict(window)

    score(window, 1, silent_share=0.9, diversity=0.01)

    assert (once, verdict(window)) == ("healthy", "silence")
    assert found(window).summary == "since step 500 most drawn clips are silent: 90% of them"
    assert found(window).advice[0].field is None
    score(window, 2, silent_share=0.1)
    assert verdict(window) == "healthy"
