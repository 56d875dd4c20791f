"""One rule for each trouble that takes scores to see: a pure function of a window. Knows no order among them.

Scores from a run's first steps are not judged: pictures that are not there yet are not varied either. Where a score is
bad but still getting better, time is given.
"""

import math
from collections.abc import Callable

from worker.diagnosis import thresholds as t
from worker.diagnosis.episodes import begins_at
from worker.diagnosis.rules import Finding
from worker.diagnosis.window import Point, Window, newest

RISING = ("precision", "recall", "density", "coverage", "label_accuracy", "diversity")  # the better the higher
FALLING = ("kid", "fd")  # the better the lower; the first that is there is the run's live metric

Before = list[Point]
Flag = Callable[[Point, Before], bool | None]


def warm_up_steps(window: Window) -> int:
    """Up to which step scores are not judged."""
    return min(t.WARM_UP_MOST, max(t.WARM_UP_LEAST, round(t.WARM_UP_SHARE * window.setting.steps)))


def judged(window: Window) -> list[Point]:
    """Evaluations that count."""
    return [point for point in window.evaluations if point["step"] > warm_up_steps(window)]


def mode_collapse(window: Window) -> Finding | None:
    """Pictures are alike, or much more so than they were; or many classes that were drawn are so no longer."""
    classes, has_learnt = window.setting.classes, _has_learnt(window)
    too_many = max(2.0, t.CLASSES_LOST * classes) if classes <= t.MOST_CLASSES else math.inf

    def is_poor(point: Point, before: Before) -> bool | None:
        if "diversity" not in point:
            return None
        if not has_learnt:
            return point["diversity"] < t.ALL_ALIKE
        return _is_alike(point, before) or _lost(point, before) >= too_many

    found = _begun(window, is_poor, t.SCORES_IN_A_ROW)
    if found is None:
        return None
    last, since = found
    missing, text = last.get("missing_classes", 0), f"drawn pictures are {last['diversity']:.0%} as varied as real ones"
    if missing and classes <= t.MOST_CLASSES:
        text += f", and {missing:.0f} classes are missing"
    return Finding(
        f"since step {since} {text}", _some(last, "diversity", "missing_classes", "recall", "coverage"), since
    )


def _is_alike(point: Point, before: Before) -> bool:
    best = max((each["diversity"] for each in before if "diversity" in each), default=0.0)
    limit = max(t.DIVERSITY, t.DIVERSITY_LOST * best)
    return point["diversity"] < limit and not _is_rising("diversity", point, before)


def _lost(point: Point, before: Before) -> float:
    """How many classes more are missing than at best before."""
    counts = [each["missing_classes"] for each in before if "missing_classes" in each]
    return point.get("missing_classes", 0.0) - min(counts) if counts else 0.0


def label_ignored(window: Window) -> Finding | None:
    """What is drawn is not the class that was asked for."""
    classes = window.setting.num_classes
    if classes < 2:
        return None

    def is_missed(point: Point, before: Before) -> bool | None:  # noqa: ARG001
        if "label_accuracy" not in point:
            return None
        past = [each for each in window.evaluations if "label_accuracy" in each and each["step"] < point["step"]]
        gain = point["label_accuracy"] - past[-t.LABEL_REPEATS]["label_accuracy"] if len(past) >= t.LABEL_REPEATS else 0
        skill = (point["label_accuracy"] - 1 / classes) / (1 - 1 / classes)
        return skill < t.LABEL_SKILL and gain < t.LABEL_GAIN

    found = _begun(window, is_missed, t.LABEL_REPEATS)
    if found is None:
        return None
    last, since = found
    share = (
        f"{last['label_accuracy']:.0%} of drawn pictures are read as the class asked for; chance is {1 / classes:.0%}"
    )
    return Finding(f"since step {since} only {share}", _some(last, "label_accuracy", "missing_classes"), since)


def memorising(window: Window) -> Finding | None:
    """Drawn pictures lie nearer to training images than other real pictures do."""

    def is_near(point: Point, before: Before) -> bool | None:  # noqa: ARG001
        return point["nearest"] < t.NEAREST if "nearest" in point else None

    found = _begun(window, is_near, t.MEMORISING_REPEATS)
    if found is None:
        return None
    last, since = found
    text = f"drawn pictures lie {last['nearest']:.2g} times as far from training images as other real pictures do"
    return Finding(f"since step {since} {text}", _some(last, "nearest", "precision", "recall"), since)


def discriminator_overfitting(window: Window) -> Finding | None:
    """The discriminator knows the training images by heart, and pictures no longer get better."""
    setting = window.setting
    images_a_step = setting.resolved["batch_size"] * setting.resolved["n_critic"]
    epochs = window.step * images_a_step / setting.images
    flags = [_side(point) for point in newest(window.reports, 4 * t.OVERFIT_REPORTS)]
    began = begins_at([None if side is None else side > t.OVERFIT_SIDE for side in flags], t.OVERFIT_REPORTS)
    is_getting_better = window.evaluations and _evaluations_without_gain(window) < t.OVERFIT_EVALUATIONS
    if began is None or epochs < t.OVERFIT_EPOCHS or is_getting_better:
        return None
    point = next(point for point in reversed(window.reports) if _side(point) is not None)
    side, since = _side(point), int(newest(window.reports, 4 * t.OVERFIT_REPORTS)[began]["step"])
    assert side is not None
    text = f"the mean sign of its scores of real images is {side:.2f} after {epochs:.0f} looks at each of them"
    numbers = {"r_t": side, "epochs": epochs, **_some(point, "d_real_accuracy", "d_fake_accuracy", "augment_p")}
    return Finding(f"since step {since} the discriminator knows its images by heart: {text}", numbers, since)


def stalled(window: Window) -> Finding | None:
    """No score has become better for long, and real pictures still score better."""
    evaluations = judged(window)
    without = _evaluations_without_gain(window)
    name = live_metric(evaluations)
    if name is None or without < max(t.STALLED_EVALUATIONS, t.STALLED_SHARE * len(evaluations)):
        return None
    last = evaluations[-1]
    if _has_arrived(last):
        return None
    best = min((point for point in evaluations if name in point), key=lambda point: point[name])
    since = int(evaluations[-1 - without]["step"])
    text = f"no score has become better in {without} evaluations, since step {since}"
    best_text = f"{name} is {last.get(name, best[name]):.3g}, its best {best[name]:.3g} at step {best['step']:.0f}"
    numbers = {f"best_{name}": best[name], "best_step": best["step"], **_some(last, *FALLING, *RISING)}
    return Finding(f"{text}: {best_text}", numbers, since)


def _has_arrived(point: Point) -> bool:
    """Whether real pictures hardly score better. By chance a floor of KID may be below zero: then FD has to tell."""
    floors = {name: point.get(f"{name}_floor", 0.0) for name in FALLING if name in point}
    return any(point[name] <= t.NEAR_FLOOR * floor for name, floor in floors.items() if floor > 0)


def live_metric(evaluations: list[Point]) -> str | None:
    """The score by which a run is followed."""
    return next((name for name in FALLING if any(name in point for point in evaluations)), None)


def _has_learnt(window: Window) -> bool:
    """Whether the live metric was ever clearly better than at first; where there is none, it is supposed."""
    name = live_metric(list(window.evaluations))
    scores = [point[name] for point in window.evaluations if name is not None and name in point]
    return not scores or min(scores) < t.LEARNT * scores[0]


def _evaluations_without_gain(window: Window) -> int:
    """How many of the newest evaluations brought no score that is clearly better than all before."""
    best: Point = {}
    without = 0
    for point in judged(window):
        gained = [name for name in (*FALLING, *RISING) if name in point and _is_better(name, point[name], best)]
        best |= {name: point[name] for name in gained}
        without = 0 if gained else without + 1
    return without


def _is_better(name: str, value: float, best: Point) -> bool:
    if name not in best:
        return True
    return value < best[name] * (1 - t.STALLED_GAIN) if name in FALLING else value > best[name] * (1 + t.STALLED_GAIN)


def _side(point: Point) -> float | None:
    """r_t: the mean sign of the scores of real images."""
    if "r_t" in point:
        return point["r_t"]
    return 2 * point["d_real_accuracy"] - 1 if "d_real_accuracy" in point else None


def _begun(window: Window, flag: Flag, in_a_row: int) -> tuple[Point, int] | None:
    """The newest evaluation that says something, and at which step the trouble began that is there; None: it is not."""
    evaluations = judged(window)
    flags = [flag(point, evaluations[:i]) for i, point in enumerate(evaluations)]
    began = begins_at(flags, in_a_row)
    if began is None:
        return None
    last = next(point for point, flag in zip(reversed(evaluations), reversed(flags), strict=True) if flag is not None)
    return last, int(evaluations[began]["step"])


def _is_rising(name: str, point: Point, before: Before) -> bool:
    previous = next((each[name] for each in reversed(before) if name in each), None)
    return previous is not None and point[name] > previous * (1 + t.STILL_GAINING)


def _some(point: Point, *names: str) -> dict[str, float]:
    return {name: point[name] for name in names if name in point}
