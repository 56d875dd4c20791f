"""Each verdict on a window made by hand: just beyond its limit, just within, and where numbers are missing."""

import pytest

from ganymede.schemas.diagnosis import UNTROUBLED, Verdict
from tests.worker.diagnosis.conftest import MakeWindow, found, report, score, verdict
from worker.diagnosis import thresholds as t
from worker.diagnosis.judging import RULES


def test_there_is_a_rule_for_every_trouble() -> None:
    assert set(RULES) == set(Verdict) - set(UNTROUBLED)


def test_a_run_warms_up_and_then_is_healthy(make_window: MakeWindow) -> None:
    window = make_window(steps=1000)
    report(window, 10)

    early = found(window)
    report(window)
    later = found(window)

    assert (early.verdict, early.step) == (Verdict.WARMING_UP, 100)
    assert early.summary == "step 100 of 1000: too early to tell"
    assert (later.verdict, later.step, later.advice) == (Verdict.HEALTHY, 110, ())
    assert later.summary == "the discriminator is right on 65% of real and 70% of drawn pictures; not scored yet"


def test_a_healthy_run_tells_its_newest_and_its_best_score(make_window: MakeWindow) -> None:
    window = make_window()
    score(window, kid=0.5)
    score(window, kid=0.02)
    score(window, kid=0.03)

    healthy = found(window)

    assert healthy.verdict is Verdict.HEALTHY
    assert healthy.summary.endswith("; kid is 0.03, its best 0.02 at step 200 (real pictures: 0.001)")
    assert healthy.numbers["best_step"] == 200


@pytest.mark.parametrize("recipe", ["wgan-gp", "r3gan", "vae"])
def test_without_sides_there_is_a_verdict_all_the_same(make_window: MakeWindow, recipe: str) -> None:
    window = make_window(recipe)

    report(window, 40)

    assert found(window).summary == "losses and gradients keep within bounds; not scored yet"


@pytest.mark.parametrize("name", ["g_gradient", "d_gradient"])
def test_a_gradient_a_hundred_times_as_large_as_it_used_to_be_is_an_explosion(
    make_window: MakeWindow, name: str
) -> None:
    window = make_window()
    report(window, 30)

    report(window, 2, **{name: 1000})
    at_two = verdict(window)
    report(window, 1, **{name: 1000})

    assert (at_two, verdict(window)) == ("healthy", "exploding")
    assert "500 times" in found(window).summary or "1e+03 times" in found(window).summary
    assert found(window).since_step == 310


@pytest.mark.parametrize(
    "numbers",
    [
        {"g_gradient": t.GRADIENT_JUMP * 1.0},  # at the limit, not beyond it
        {"d_gradient": 2 * t.GRADIENT_JUMP},
        {"g_loss": t.LOSS_LIMIT},
        {"g_loss": -t.LOSS_LIMIT},
        {"g_gradient": None, "d_gradient": None},
    ],
)
def test_what_is_at_a_limit_is_within_it(make_window: MakeWindow, numbers: dict[str, float | None]) -> None:
    window = make_window()
    report(window, 30)

    report(window, 5, **numbers)

    assert verdict(window) == "healthy"


def test_a_jump_between_small_gradients_is_none(make_window: MakeWindow) -> None:
    window = make_window()
    report(window, 30, d_gradient=0.01)

    report(window, 5, d_gradient=9.9)

    assert verdict(window) == "healthy"


def test_a_run_that_explodes_from_its_first_step_has_no_history_to_compare_with(make_window: MakeWindow) -> None:
    window = make_window()

    report(window, 3, g_loss=2000)

    assert verdict(window) == "exploding"
    assert found(window).summary == "g_loss is 2e+03, where it should be of the order of 1"


@pytest.mark.parametrize("recipe", ["wgan-gp", "vae"])
def test_a_loss_without_a_scale_may_be_large(make_window: MakeWindow, recipe: str) -> None:
    window = make_window(recipe)

    report(window, 20, g_loss=2000, d_loss=-3000)

    assert verdict(window) == "healthy"


def test_an_explosion_that_has_passed_is_over_after_three_reports(make_window: MakeWindow) -> None:
    window = make_window()
    report(window, 20)
    report(window, 3, g_gradient=1e6)

    report(window, 2)
    at_two = verdict(window)
    report(window)

    assert (at_two, verdict(window)) == ("exploding", "healthy")


def test_advice_for_an_explosion_names_fields_and_values(make_window: MakeWindow) -> None:
    window = make_window(generator_lr=0.1, discriminator_lr=1e-4)
    report(window, 3, g_gradient=1e6)

    advice = {each.field: each.value for each in found(window).advice}

    assert advice == {"config.generator_lr": 4e-4, "config.discriminator_lr": 5e-5}
    assert found(window).advice[0].text == "config.generator_lr=0.0004: the recipe's own"


WON = {"d_real_accuracy": 1.0, "d_fake_accuracy": 1.0, "d_loss": 0.01}


def test_a_discriminator_that_wins_for_two_hundred_steps_is_too_strong(make_window: MakeWindow) -> None:
    window = make_window()
    report(window, 20)

    report(window, 19, **WON)
    at_190_steps = verdict(window)
    report(window, 1, **WON)

    assert (at_190_steps, verdict(window)) == ("healthy", "discriminator_too_strong")
    assert found(window).summary == (
        "since step 210 the discriminator is right on 100.0% of real and 100.0% of drawn pictures: the generator "
        "learns nothing from it"
    )
    assert [each.field for each in found(window).advice] == ["config.discriminator_lr", "recipe"]


@pytest.mark.parametrize(
    "numbers",
    [
        {**WON, "d_real_accuracy": 0.989},
        {**WON, "d_fake_accuracy": 0.989},
        {**WON, "d_loss": 0.2},  # right, but not sure of it: its gradient still tells
        {**WON, "d_loss": None},
    ],
)
def test_a_discriminator_that_errs_or_doubts_is_not_too_strong(
    make_window: MakeWindow, numbers: dict[str, float | None]
) -> None:
    window = make_window()

    report(window, 60, **numbers)

    assert verdict(window) == "healthy"


def test_a_gradient_that_vanished_shows_it_too(make_window: MakeWindow) -> None:
    window = make_window()
    report(window, 40)

    report(window, 20, d_real_accuracy=1.0, d_fake_accuracy=1.0, g_gradient=9e-4)

    assert verdict(window) == "discriminator_too_strong"


def test_where_scores_have_no_side_the_gradient_alone_shows_it(make_window: MakeWindow) -> None:
    window = make_window("wgan-gp")
    report(window, 40, d_loss=-3.0)

    report(window, 20, d_loss=-3.0, g_gradient=9e-4)

    assert verdict(window) == "discriminator_too_strong"
    assert "next to no gradient" in found(window).summary


def test_an_explosion_goes_before_a_discriminator_that_wins(make_window: MakeWindow) -> None:
    window = make_window()

    report(window, 60, **{**WON, "g_loss": 1300})

    assert verdict(window) == "exploding"
