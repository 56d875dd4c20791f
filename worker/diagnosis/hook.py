"""The hook that tells how a run learns, and does about it what its owner asked for. Knows no rule.

A verdict is an event when it changes. What `stop` asks for is done once for each time one of its verdicts comes up, as
an event too, and between two steps; a run that is at its end is left alone. A remedy is not given up by a process that
dies before the run has gone back: it is done again, until the run is on another branch.
"""

import logging
from collections.abc import Callable
from typing import Any, Literal

from core.errors import TrainingFailed
from core.runs import NewEvent, Run
from core.runs.stored_spec import StoredSpec
from ganymede.schemas.diagnosis import Action, Diagnosis, EarlyEnd, Verdict
from ganymede.schemas.references import BranchStep
from ganymede.schemas.states import Best
from worker.checkpoints.rollback import sound_best
from worker.diagnosis.judging import diagnose, first_trouble
from worker.diagnosis.record import Setting
from worker.diagnosis.remedies import next_remedy
from worker.diagnosis.rules import Finding
from worker.diagnosis.window import restored
from worker.hooks.limits import report_early_end
from worker.hooks.reporting import Clock, Quiet
from worker.training.state import TrainState
from worker.training.stopping import RollBack, StopTraining
from worker.training.trainer import Metrics

TELL_EVERY_S = 10.0  # newer numbers of an unchanged verdict
# As which failure a run ends; every other verdict: "collapsed".
FAILURE_CODES = {Verdict.EXPLODING: "diverged", Verdict.STALLED: "stalled"}

Publish = Callable[[TrainState, Best], None]

log = logging.getLogger(__name__)


class Diagnose(Quiet):
    """Judges every point. Its verdicts do not depend on where an attempt began."""

    def __init__(self, run: Run, spec: StoredSpec, state: TrainState, publish: Publish) -> None:
        self.run, self.dataset, self.publish = run, spec.dataset, publish
        self.stop = spec.stop
        self.clock = Clock(TELL_EVERY_S)
        self.reported = run.state().diagnosis
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
        """Take the points that led here; of a branch that was left, only those before."""
        self.branch, dataset = state.branch, self.dataset
        setting = Setting(
            resolved=state.resolved,
            images=dataset.count,
            classes=len(dataset.class_names),
            remedied=_remedied(state),
        )
        self.window = restored(self.run.metrics_file, state.branch, state.step, setting)

    def _judge(self, state: TrainState) -> None:
        found = diagnose(self.window, state.branch, self.reported)
        is_new = self.reported is None or found.verdict is not self.reported.verdict
        self.reported = found
        if is_new or self.clock.is_due() or state.is_at_end:
            news = (
                NewEvent(type="diagnosis", data=found.model_dump(mode="json", exclude={"action"})) if is_new else None
            )
            self.run.change(lambda now: now.model_copy(update={"diagnosis": found}), durable=is_new, news=news)
        if is_new:
            log.info("%s: %s", found.verdict, found.summary)
        self._due = self.stop.action if self._is_due(found) else None

    def _is_due(self, found: Diagnosis) -> bool:
        if self.stop.action == "alert":
            return False
        if self.stop.action == "remedy":
            return found.action != "stop" and self._trouble() is not None
        return found.verdict in self.stop.on and found.action is None

    def _trouble(self) -> tuple[Verdict, Finding] | None:
        """Return the trouble that needs a remedy, even behind another verdict; new remedies get their time first."""
        if self.window.setting.remedied and self.window.setting.is_warming_up(self.window.step):
            return None
        return first_trouble(self.window, self.stop.on)

    def _act(self, action: Action, state: TrainState) -> None:
        """Do once what was asked for; it is recorded before it is done."""
        assert self.reported is not None
        if action == "remedy":
            self._remedy(state)
            return
        acted = self._note(action)
        facts = {"action": action, "reason": acted.verdict, "branch": state.branch, "step": state.step}
        self.run.log_event("action", {**facts, "message": acted.summary})
        if action == "pause":
            raise StopTraining("pause")
        failure = FAILURE_CODES.get(acted.verdict, "collapsed")
        if action == "rollback":
            reason = f"{acted.verdict}: {acted.summary}"
            raise RollBack(reason, failure=failure, to_best=True, before=acted.since_step)
        raise TrainingFailed(failure, describe(acted), retryable=False)

    def _remedy(self, state: TrainState) -> None:
        """Return to before the trouble, and go on with a change. If all were tried, end the run with its best."""
        trouble = self._trouble()
        assert trouble is not None
        assert self.reported is not None
        verdict, finding = trouble
        known = self.reported if self.reported.verdict is verdict else finding
        since = min(finding.since_step, known.since_step)
        failure, reason = FAILURE_CODES.get(verdict, "collapsed"), f"{verdict}: {finding.summary}"
        if next_remedy(verdict, state.resolved, state.remedies) is not None:
            self._note("remedy")
            raise RollBack(reason, failure=failure, to_best=True, before=since, verdict=verdict)
        tried = "; ".join(f"{remedy.in_words()} from step {remedy.step} on" for remedy in state.remedies)
        reason = f"{reason}. It came back after {len(state.remedies)} changes ({tried})"
        best = sound_best(self.run, state, since)
        if best is None:
            text = f"{reason}. Nothing that the run has made is worth publishing"
            raise TrainingFailed(failure, describe(self._note("stop"), text), retryable=False)
        version = f"the version of step {best.step} is its best ({best.metric} {best.value:.3g})"
        end = EarlyEnd(verdict=verdict, message=f"{reason}; {version}", step=state.step, best=best)
        self._note("end", ended_early=end)
        report_early_end(self.run, state, end)
        self.publish(state, best)
        raise StopTraining("give_up")

    def _note(self, action: Action | Literal["end"], **changes: Any) -> Diagnosis:
        """Record what is about to be done."""
        assert self.reported is not None
        acted = self.reported = self.reported.model_copy(update={"action": action})
        self.run.change(lambda now: now.model_copy(update={"diagnosis": acted, **changes}))
        return acted


def describe(found: Diagnosis, reason: str = "") -> str:
    advice = "; ".join(each.text for each in found.advice)
    return (reason or f"{found.verdict}: {found.summary}") + (f". What to change: {advice}" if advice else "")


def _remedied(state: TrainState) -> BranchStep | None:
    """Return where the newest remedy began; a later rollback may have led further back."""
    if not state.remedies:
        return None
    branch = state.remedies[-1].branch
    return BranchStep(branch, min(entry.step for entry in state.rollbacks if entry.branch >= branch))
