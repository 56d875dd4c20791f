"""The limits of a run: where it ends at the latest, as if that step were its last. Knows no queue."""

import logging

from core.runs import Run
from ganymede.schemas.diagnosis import EarlyEnd
from ganymede.schemas.specs import LimitSpec
from worker.hooks.reporting import Quiet, StopWhenAsked
from worker.training.state import TrainState

ENDED_EARLY = "ended_early"  # the action of an event

log = logging.getLogger(__name__)


def last_step(state: TrainState, limits: LimitSpec) -> int:
    """The step with which a run ends that may see so many images; the same in every attempt and process."""
    steps = state.settled.steps
    if limits.max_images is None:
        return steps
    return min(steps, -(-limits.max_images // state.settled.images_per_step))


def report_early_end(run: Run, state: TrainState, end: EarlyEnd) -> None:
    """Say why a run ends early, as an event once: a process may die between this and the end of the run."""
    log.info("ends at step %d of %d: %s", state.step, state.settled.steps, end.message)
    if not any(event["data"].get("action") == ENDED_EARLY for event in run.events()):
        facts = {"action": ENDED_EARLY, "reason": end.verdict or end.limit, "branch": state.branch, "step": end.step}
        run.log_event("action", {**facts, "message": end.message})


class EndAtLimits(Quiet):
    """Where the time is up it makes the next step the last: that is evaluated, kept and published as any last one."""

    def __init__(self, run: Run, limits: LimitSpec, stopper: StopWhenAsked) -> None:
        self.run, self.limits, self.stopper = run, limits, stopper

    def after_step(self, state: TrainState, is_last: bool) -> None:
        longest_s = self.limits.max_duration
        if not is_last and longest_s is not None and self.stopper.worked_s >= longest_s:
            state.last_step = min(state.last_step, state.step + 1)

    def early_end(self, state: TrainState) -> EarlyEnd | None:
        """Why a run that is at its end has not made all its steps; None: it has."""
        if state.step >= state.settled.steps:
            return None
        if state.step < last_step(state, self.limits):
            limit, reached = "max_duration", f"{self.stopper.worked_s:,.0f} s of work"
        else:
            limit, reached = "max_images", f"{state.images_seen:,} images"
        message = f"limits.{limit} is reached: {reached}"
        end = EarlyEnd.model_validate({"limit": limit, "message": message, "step": state.step})
        report_early_end(self.run, state, end)
        return end
