"""One rule for each trouble that the loop's own numbers show: a pure function of a window. Knows no order among them.

Those that need scores are in worker/diagnosis/scored.py. A number that was not measured accuses nobody.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from worker.diagnosis import thresholds as t
from worker.diagnosis.episodes import begins_at
from worker.diagnosis.record import Point
from worker.diagnosis.window import Window, newest

GRADIENTS = ("g_gradient", "d_gradient")
LOSSES = ("g_loss", "d_loss")

# The discriminator's loss where it gives every picture the score that says least.
BLIND_LOSS = {"non_saturating": 2 * math.log(2), "least_squares": 0.25, "hinge": 2.0, "relativistic": math.log(2)}


class Finding(NamedTuple):
    """A trouble in plain words, with its numbers, and the step at which it began."""

    summary: str
    numbers: dict[str, float]
    since_step: int


Rule = Callable[[Window], Finding | None]


def exploding(window: Window) -> Finding | None:
    """Gradients or losses are far beyond their former values, or beyond anything that training survives."""
    points, known = _recent(window, 4 * t.EXPLODING_REPORTS)
    excesses = [_excess(point, known[: len(known) - len(points) + i], window) for i, point in enumerate(points)]
    began = begins_at([excess is not None for excess in excesses], t.EXPLODING_REPORTS)
    if began is None:
        return None
    name, text = next(excess for excess in reversed(excesses) if excess is not None)
    last = next(point for point in reversed(points) if name in point)
    return Finding(text, _shown(last, *GRADIENTS, *LOSSES), int(points[began]["step"]))


def _excess(point: Point, before: list[Point], window: Window) -> tuple[str, str] | None:
    """Return which number is too large, and a text about it."""
    for name in GRADIENTS:
        value, usual = point.get(name, 0.0), _median(before, name)
        whose = "the generator's" if name == "g_gradient" else "the discriminator's"
        if value > t.GRADIENT_LIMIT:
            return name, f"{whose} gradient has the norm {value:.3g}; training survives no {t.GRADIENT_LIMIT:g}"
        if usual is not None and value > max(t.GRADIENT_JUMP * usual, t.GRADIENT_FLOOR):
            return name, f"{whose} gradient has the norm {value:.3g}, {value / usual:.3g} times what it used to be"
    for name in LOSSES if window.setting.resolved.objective in BLIND_LOSS else ():
        value = abs(point.get(name, 0.0))
        if value > t.LOSS_LIMIT:
            return name, f"{name} is {point[name]:.3g}, where it should be of the order of 1"
    return None


def discriminator_too_strong(window: Window) -> Finding | None:
    """The discriminator is always right, and its scores no longer show how pictures would get better."""
    in_a_row = max(t.STRONG_REPORTS, math.ceil(t.STRONG_STEPS / window.setting.resolved.report_every))
    points, known = _recent(window, 3 * in_a_row)
    flags = [_is_hopeless(point, known[: len(known) - len(points) + i], window) for i, point in enumerate(points)]
    began = begins_at(flags, in_a_row)
    if began is None:
        return None
    last, since = points[-1], int(points[began]["step"])
    numbers = _shown(last, "d_real_accuracy", "d_fake_accuracy", "d_loss", *GRADIENTS)
    if "d_real_accuracy" in last and "d_fake_accuracy" in last:
        shares = f"{last['d_real_accuracy']:.1%} of real and {last['d_fake_accuracy']:.1%} of drawn pictures"
        summary = f"since step {since} the discriminator is right on {shares}: the generator learns nothing from it"
    else:
        summary = f"since step {since} the discriminator leaves the generator next to no gradient to learn from"
    return Finding(summary, numbers, since)


def _is_hopeless(point: Point, before: list[Point], window: Window) -> bool | None:
    blind = BLIND_LOSS.get(window.setting.resolved.objective)
    is_sure = None if blind is None or "d_loss" not in point else point["d_loss"] < t.STRONG_LOSS * blind
    usual = _median(before, "g_gradient")
    has_vanished = None if usual is None or "g_gradient" not in point else point["g_gradient"] < t.VANISHED * usual
    accuracies = [point[name] for name in ("d_real_accuracy", "d_fake_accuracy") if name in point]
    if is_sure is None and has_vanished is None:
        return None
    return all(share >= t.STRONG_ACCURACY for share in accuracies) and bool(is_sure or has_vanished)


def _recent(window: Window, count: int) -> tuple[list[Point], list[Point]]:
    """Return the newest reports, and all known ones."""
    return newest(window.reports, count), list(window.reports)


def _median(points: list[Point], name: str) -> float | None:
    """Return the median; None if too few points have the number, or it was never above zero."""
    values = [point[name] for point in points if name in point]
    median = float(np.median(values)) if len(values) >= t.MEDIAN_REPORTS else 0.0
    return median if median > 0 else None


def _shown(point: Point, *names: str) -> dict[str, float]:
    return {name: point[name] for name in names if name in point}
