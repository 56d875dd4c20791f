"""By which score a run is judged while it trains, and which of two is better. Knows no files."""

import math
from collections.abc import Container

from ganymede.schemas.references import BranchStep
from ganymede.schemas.states import Best
from worker.training.trainer import Metrics

LIVE_METRICS = ("kid", "fd", "accuracy")  # the first that is measured
RISING = frozenset({"accuracy"})  # the higher the better; of the others the lower


def is_scored(metrics: Container[str]) -> bool:
    """Return whether these numbers are of an evaluation."""
    return any(metric in metrics for metric in LIVE_METRICS)


def better(best: Best | None, place: BranchStep, metrics: Metrics) -> Best | None:
    """Return the best checkpoint, by the first measured one of LIVE_METRICS, compared only with its own values."""
    for rank, metric in enumerate(LIVE_METRICS):
        value = metrics.get(metric, math.nan)
        if math.isfinite(value):
            is_first = best is None or rank < LIVE_METRICS.index(best.metric)
            if is_first or (best and best.metric == metric and _is_better(metric, value, best.value)):
                return Best(metric=metric, value=value, branch=place.branch, step=place.step)
            return best
    return best


def _is_better(metric: str, value: float, than: float) -> bool:
    return value > than if metric in RISING else value < than
