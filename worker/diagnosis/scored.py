"""One rule for each trouble that takes scores to see: a pure function of a window. Knows no order among them.

Scores from a run's first steps are not judged: pictures that are not there yet are not varied either. Where a score is
bad but still getting better, time is given.
"""

from worker.diagnosis import thresholds as t
from worker.diagnosis.episodes import begins_at
from worker.diagnosis.record import FALLING, RISING, Point
from worker.diagnosis.rules import Finding
from worker.diagnosis.window import Window, newest


def silence(window: Window) -> Finding | None:
    """Drawn clips are silent."""
    since = window.record.episodes.silent.began
    if since is None:
        return None
    last = window.record.newest["silent_share"]
    text = f"since step {since} most drawn clips are silent: {last['silent_share']:.0%} of them"
    return Finding(text, _some(last, "silent_share", "diversity"), since)


def mode_collapse(window: Window) -> Finding | None:
    """Pictures are alike, or much more so than before, or many classes were lost."""
    record = window.record
    since = (record.episodes.alike if record.has_learnt else record.episodes.untaught).began
    if since is None:
        return None
    last = record.newest["diversity"]
    missing, text = last.get("missing_classes", 0), f"drawn pictures are {last['diversity']:.0%} as varied as real ones"
    if missing and window.setting.classes <= t.MOST_CLASSES:
        text += f", and {missing:.0f} classes are missing"
    return Finding(
        f"since step {since} {text}", _some(last, "diversity", "missing_classes", "recall", "coverage"), since
    )


def label_ignored(window: Window) -> Finding | None:
    """Pictures are not of the requested class."""
    since, classes = window.record.episodes.ignored.began, window.setting.resolved.network.num_classes
    if since is None:
        return None
    last = window.record.newest["label_accuracy"]
    share = (
        f"{last['label_accuracy']:.0%} of drawn pictures are read as the class asked for; chance is {1 / classes:.0%}"
    )
    return Finding(f"since step {since} only {share}", _some(last, "label_accuracy", "missing_classes"), since)


def memorising(window: Window) -> Finding | None:
    """Drawn pictures lie nearer to training images than other real pictures do."""
    since = window.record.episodes.near.began
    if since is None:
        return None
    last = window.record.newest["nearest"]
    text = f"drawn pictures lie {last['nearest']:.2g} times as far from training images as other real pictures do"
    return Finding(f"since step {since} {text}", _some(last, "nearest", "precision", "recall"), since)


def discriminator_overfitting(window: Window) -> Finding | None:
    """The discriminator knows the training images by heart, and pictures no longer get better."""
    setting = window.setting
    epochs = window.step * setting.resolved.images_per_step / setting.images
    flags = [_side(point) for point in newest(window.reports, 4 * t.OVERFIT_REPORTS)]
    began = begins_at([None if side is None else side > t.OVERFIT_SIDE for side in flags], t.OVERFIT_REPORTS)
    is_getting_better = window.record.evaluations and window.record.without < t.OVERFIT_EVALUATIONS
    if began is None or epochs < t.OVERFIT_EPOCHS or is_getting_better:
        return None
    point = next(point for point in reversed(window.reports) if _side(point) is not None)
    side, since = _side(point), int(newest(window.reports, 4 * t.OVERFIT_REPORTS)[began]["step"])
    assert side is not None
    text = f"the mean sign of its scores of real images is {side:.2f} after {epochs:.0f} looks at each of them"
    numbers = {"r_t": side, "epochs": epochs, **_some(point, "d_real_accuracy", "d_fake_accuracy", "augment_p")}
    return Finding(f"since step {since} the discriminator knows its images by heart: {text}", numbers, since)


def stalled(window: Window) -> Finding | None:
    """No score has improved for long, and real pictures still score better."""
    record, name = window.record, window.record.live_metric
    if name is None or record.without < max(t.STALLED_EVALUATIONS, t.STALLED_SHARE * record.judged):
        return None
    last, best = record.last, record.best[name]
    assert last is not None
    if _has_arrived(last):
        return None
    since = int(record.gained_at)
    text = f"no score has become better in {record.without} evaluations, since step {since}"
    best_text = f"{name} is {last.get(name, best[name]):.3g}, its best {best[name]:.3g} at step {best['step']:.0f}"
    numbers = {f"best_{name}": best[name], "best_step": best["step"], **_some(last, *FALLING, *RISING)}
    return Finding(f"{text}: {best_text}", numbers, since)


def _has_arrived(point: Point) -> bool:
    """Return whether real pictures hardly score better. A floor of KID may be below zero by chance: then FD decides."""
    floors = {name: point.get(f"{name}_floor", 0.0) for name in FALLING if name in point}
    return any(point[name] <= t.NEAR_FLOOR * floor for name, floor in floors.items() if floor > 0)


def _side(point: Point) -> float | None:
    """Return r_t: the mean sign of the scores of real images."""
    if "r_t" in point:
        return point["r_t"]
    return 2 * point["d_real_accuracy"] - 1 if "d_real_accuracy" in point else None


def _some(point: Point, *names: str) -> dict[str, float]:
    return {name: point[name] for name in names if name in point}
