"""evaluation.json: what a run is judged by, once its first attempt has settled that. Knows no network."""

import logging

from pydantic import ConfigDict

from core.runs import Run
from core.store import Record
from worker.training.trainer import Metrics

FILE = "evaluation.json"

log = logging.getLogger(__name__)


class JudgedBy(Record):
    """The record. baseline: of a classifier, what the same network makes of the labels alone."""

    model_config = ConfigDict(frozen=False)

    extractor: str = "none"
    reason: str = ""
    extractor_digest: str | None = None
    extractor_accuracy: float | None = None
    images: int | None = None
    reals: int | None = None
    floor: Metrics | None = None
    baseline: Metrics | None = None
    evaluate_every: int | None = None


def read_judged(run: Run) -> JudgedBy | None:
    """Return what was settled; None before that."""
    try:
        return run.store.read_record(f"{run.key}/{FILE}", JudgedBy)
    except FileNotFoundError:
        return None


def settle_cadence(run: Run, steps: int) -> None:
    """Keep how many steps are between evaluations."""
    now = read_judged(run) or JudgedBy()
    now.evaluate_every = steps
    now.write(run.store.path(f"{run.key}/{FILE}"))


def report_judged(run: Run, settled: JudgedBy | None, now: JudgedBy) -> None:
    """Record what was settled, and report it once; later report only another extractor."""
    if settled is None:
        now.write(run.store.path(f"{run.key}/{FILE}"))
        run.log_event("action", {"action": "judged_by", **now.model_dump(exclude_unset=True)})
    elif settled.extractor_digest != now.extractor_digest:
        log.warning("the extractor has other weights than before: scores from here on do not compare with those before")
