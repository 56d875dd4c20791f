"""Where a run ends before its last step, as if that were it: at its limits, or out of patience. Knows no queue."""

import logging

from core.runs import Run
from core.runs.stored_spec import StoredSpec
from ganymede.schemas.diagnosis import EarlyEnd
from ganymede.schemas.specs import LimitSpec
from worker.hooks.reporting import Quiet, StopWhenAsked, place_of
from worker.hooks.scored import better, is_scored
from worker.training.state import TrainState
from worker.training.trainer import Metrics

ENDED_EARLY = "ended_early"  # the action of an event

log = logging.getLogger(__name__)


def last_step(state: TrainState, spec: StoredSpec) -> int:
    """Return the last step of a run limited to so many images; the same in every attempt and process."""
    return state.step if _is_out_of_patience(state, spec) else last_of_images(state, spec.limits)


def last_of_images(state: TrainState, limits: LimitSpec) -> int:
    """The step with which a run ends at the latest: its last, or the one that has seen as many images as it may."""
    steps = state.settled.steps
    if limits.max_images is None:
        return steps
    return min(steps, -(-limits.max_images // state.settled.images_per_step))


def _is_out_of_patience(state: TrainState, spec: StoredSpec) -> bool:
    return spec.stop.patience is not None and state.without_better >= spec.stop.patience


def report_early_end(run: Run, state: TrainState, end: EarlyEnd) -> None:
    """Write once, as an event, why a run ends early: a process may die before the run's end."""
    log.info("ends at step %d of %d: %s", state.step, state.settled.steps, end.message)
    if not any(event.data.get("action") == ENDED_EARLY for event in run.events()):
        facts = {"action": ENDED_EARLY, "reason": end.reason, "branch": state.branch, "step": end.step}
        run.log_event("action", {**facts, "message": end.message})


class EndWithoutBetter(Quiet):
    """Counts the evaluations since the best one. The last that patience allows is the last step of the run.

    It comes right after the evaluation, so that all other hooks know of the end. Each evaluation leaves a checkpoint,
    which keeps the count.
    """

    def __init__(self, spec: StoredSpec, *, is_evaluated: bool) -> None:
        self.spec = spec
        if spec.stop.patience is not None and not is_evaluated:
            log.warning("stop.patience has nothing to go by: the run is not evaluated")

    def after_report(self, state: TrainState, metrics: Metrics) -> None:
        if not is_scored(metrics):
            return
        is_better = better(state.best, place_of(state), metrics) != state.best
        state.without_better = 0 if is_better else state.without_better + 1
        state.last_step = min(state.last_step, last_step(state, self.spec))


class EndAtLimits(Quiet):
    """Makes the next step the last when time is up: it is evaluated, kept and published like any last step."""

    def __init__(self, run: Run, spec: StoredSpec, stopper: StopWhenAsked) -> None:
        self.run, self.spec, self.stopper = run, spec, stopper

    def after_step(self, state: TrainState, is_last: bool) -> None:
        longest_s = self.spec.limits.max_duration
        if not is_last and longest_s is not None and self.stopper.worked_s >= longest_s:
            state.last_step = min(state.last_step, state.step + 1)

    def early_end(self, state: TrainState) -> EarlyEnd | None:
        """Return why a run at its end has not made all its steps; None if it has."""
        if state.step >= state.settled.steps:
            return None
        end = self._end(state)
        report_early_end(self.run, state, end)
        return end

    def _end(self, state: TrainState) -> EarlyEnd:
        step, best = state.step, state.best
        if _is_out_of_patience(state, self.spec):
            count = state.without_better
            which = f"a better {best.metric} than {best.value:.4g} of step {best.step:,}" if best else "a score"
            message = f"stop.patience is reached: {count:,} evaluations in a row without {which}"
            return EarlyEnd(patience=count, message=message, best=best, step=step)
        if step < last_of_images(state, self.spec.limits):
            limit, reached = "max_duration", f"{self.stopper.worked_s:,.0f} s of work"
        else:
            limit, reached = "max_images", f"{state.images_seen:,} images"
        return EarlyEnd(limit=limit, message=f"limits.{limit} is reached: {reached}", best=best, step=step)
