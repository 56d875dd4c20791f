"""The hook that tells how a run learns, and does about it what its owner asked for. Knows no rule.

A verdict is an event when it changes. What `stop` asks for is done once for each time one of its verdicts comes up, as
an event too, and between two steps; a run that is at its end is left alone.
"""

import logging
from typing import Any

from core.diagnosis import Action, Diagnosis, Verdict
from core.errors import TrainingFailed
from core.runs import Run
from core.specs import StopSpec
from core.states import RunState
from worker.diagnosis.judging import diagnose
from worker.diagnosis.record import Setting
from worker.diagnosis.window import restored
from worker.hooks import Clock, Quiet
from worker.state import TrainState
from worker.stopping import RollBack, StopTraining
from worker.trainer import Metrics

TELL_EVERY_S = 10.0  # newer numbers of an unchanged verdict

# As which failure a run ends; every other verdict: "collapsed".
FAILURE_CODES = {Verdict.EXPLODING: "diverged", Verdict.STALLED: "stalled"}

log = logging.getLogger(__name__)


class Diagnose(Quiet):
    """Judges every point. Begins where the run stands: what it says does not depend on where an attempt began."""

    def __init__(self, run: Run, spec: dict[str, Any], state: TrainState) -> None:
        self.run = run
        self.stop = StopSpec.model_validate(spec["request"].get("stop", {}))
        self.clock = Clock(TELL_EVERY_S)
        dataset = spec["dataset"]
        self.setting = Setting(resolved=spec["resolved"], images=dataset["count"], classes=len(dataset["class_names"]))
        self.told = run.state().diagnosis
        self._due: Action | None = None
        self._look_back(state)
        if self.window.step:
            self._judge(state)

    def after_report(self, state: TrainState, metrics: Metrics) -> None:
        if state.branch != self.branch:
            self._look_back(state)
        self.window.add(state.step, {**metrics})
        self._judge(state)

    def after_step(self, state: TrainState, is_last: bool) -> None:
        action, self._due = self._due, None
        if action is not None and not is_last:
            self._act(action, state)

    def _look_back(self, state: TrainState) -> None:
        """Take the points that led here; of a branch that was left only those before it was."""
        self.branch = state.branch
        self.window = restored(self.run.metrics_file, state.branch, state.step, self.setting)

    def _judge(self, state: TrainState) -> None:
        found = diagnose(self.window, state.branch, self.told)
        is_new = self.told is None or found.verdict is not self.told.verdict
        self.told = found
        if is_new or self.clock.is_due() or state.step == state.steps:
            self.run.change(lambda now: now.model_copy(update={"diagnosis": found}), durable=is_new)
        if is_new:
            log.info("%s: %s", found.verdict, found.summary)
            self.run.log_event("diagnosis", found.model_dump(mode="json", exclude={"action"}))
        if found.verdict in self.stop.on and self.stop.action != "alert" and found.action is None:
            self._due = self.stop.action

    def _act(self, action: Action, state: TrainState) -> None:
        """Do what was asked for, once: it is written down before it is done."""
        assert self.told is not None
        acted = self.told = self.told.model_copy(update={"action": action})
        self.run.change(lambda now: _with(now, acted))
        facts = {"action": action, "reason": acted.verdict, "branch": state.branch, "step": state.step}
        self.run.log_event("action", {**facts, "message": acted.summary})
        if action == "pause":
            raise StopTraining("pause")
        failure = FAILURE_CODES.get(acted.verdict, "collapsed")
        if action == "rollback":
            reason = f"{acted.verdict}: {acted.summary}"
            raise RollBack(reason, failure=failure, to_best=True, before=acted.since_step)
        raise TrainingFailed(failure, told_in_full(acted), retryable=False)


def told_in_full(found: Diagnosis) -> str:
    """Verdict, numbers and advice as one text."""
    advice = "; ".join(each.text for each in found.advice)
    return f"{found.verdict}: {found.summary}" + (f". What to change: {advice}" if advice else "")


def _with(now: RunState, found: Diagnosis) -> RunState:
    return now.model_copy(update={"diagnosis": found})
