"""What happens beside the training loop: reports, grids, stopping; publishing.py has the rest. Knows the store.

Each hook is one concern; the job puts them in order (a checkpoint is written before it is published).
"""

import time
from collections.abc import Callable, Sequence

import numpy as np

from core.machine.clock import timestamp
from core.media import images
from core.runs import NewEvent, Run
from core.runs.samples import Grid, list_grids
from core.runs.states import Progress, RunState
from core.store import files
from ganymede.schemas.references import BranchStep
from ganymede.schemas.states import Status
from models import sampling
from models.networks import network_config
from models.noise import classes_with_images
from worker.hooks.minutes import KeyMinutes
from worker.hooks.scored import is_scored
from worker.hooks.tasks import Tasks
from worker.training.distributed import World
from worker.training.state import TrainState
from worker.training.stopping import RollBack, StopTraining, is_asked_by_signal
from worker.training.trainer import Hook, Metrics

MARK_EVERY_S = 1.0  # signs of life in state.json, and looks whether it is to stop
GRIDS_KEPT = 500
SLOWING = 1 / 600  # a run of any length has some thousand events of its numbers at most


class Clock:
    """Is due at most once in `every_s` seconds; with `slowing`, ever more rarely: a share of its own age."""

    def __init__(self, every_s: float, slowing: float = 0.0) -> None:
        self.every_s, self.slowing = every_s, slowing
        self._began = self._due_at = time.monotonic()

    def is_due(self) -> bool:
        now = time.monotonic()
        if now < self._due_at:
            return False
        self._due_at = now + max(self.every_s, (now - self._began) * self.slowing)
        return True


class Quiet:
    """A hook that does nothing; subclasses override what they need."""

    def after_report(self, state: TrainState, metrics: Metrics) -> None: ...

    def after_step(self, state: TrainState, is_last: bool) -> None: ...


class Together:
    """Runs several hooks in the first process of a run; the others hear how they ended."""

    def __init__(self, world: World, hooks: Sequence[Hook]) -> None:
        self.world, self.hooks = world, hooks

    def after_report(self, state: TrainState, metrics: Metrics) -> None:
        self._do(state, lambda hook: hook.after_report(state, metrics))

    def after_step(self, state: TrainState, is_last: bool) -> None:
        self._do(state, lambda hook: hook.after_step(state, is_last))

    def _do(self, state: TrainState, call: Callable[[Hook], None]) -> None:
        def run_hooks() -> int:
            for hook in self.hooks:
                call(hook)
            return state.last_step

        state.last_step = self.world.decide(run_hooks, as_before=state.last_step)


class ReportProgress(Quiet):
    """Writes every point to metrics.jsonl, the newest to the state once a second, and some to the events.

    Everyone who watches reads the event log from its beginning: in a long run it gets a point a minute, and every
    evaluation. The state keeps the newest of each number: an evaluation's until the next.
    """

    def __init__(self, run: Run, attempt: int) -> None:
        self.run, self.attempt, self.clock = run, attempt, Clock(MARK_EVERY_S)
        self.event_clock = Clock(MARK_EVERY_S, slowing=SLOWING)

    def after_report(self, state: TrainState, metrics: Metrics) -> None:
        point = {"branch": state.branch, "step": state.step, "attempt": self.attempt, "images_seen": state.images_seen}
        files.append_json_line(self.run.metrics_file, {**point, "at": timestamp(), **metrics})
        must_write = state.is_at_end or is_scored(metrics)
        if self.clock.is_due() or must_write:
            self.run.change(lambda now: self._marked(now, state, metrics), durable=False)
        if self.event_clock.is_due() or must_write:
            self.run.log_event("metrics", {**point, "metrics": metrics})

    def _marked(self, now: RunState, state: TrainState, metrics: Metrics) -> RunState:
        progress = Progress(
            branch=state.branch,
            step=state.step,
            total=state.last_step,
            images_seen=state.images_seen,
            images_per_second=metrics["images_per_second"],
        )
        changes = {"progress": progress, "last_heartbeat_at": timestamp(), "phase": "training", "task": None}
        changes["step_seconds"] = state.resolved.images_per_step / metrics["images_per_second"]
        step = state.step if is_scored(metrics) else now.evaluation_step
        return now.model_copy(update={**changes, "metrics": now.metrics | metrics, "evaluation_step": step})


class DrawSamples(Quiet):
    """Draws a grid of the same seeds again and again: how a person sees the run learn."""

    def __init__(self, run: Run) -> None:
        self.run, self.classes = run, classes_with_images(run.spec().dataset.class_counts)

    def after_step(self, state: TrainState, is_last: bool) -> None:
        if state.step % state.resolved.sample_every and not is_last:
            return
        must_be_sound(state)
        sheet = sampling.sheet(state.ema, network_config(state.resolved), self.classes, state.subjects)
        files.write_atomic(self.run.samples / f"{place_of(state)}.webp", images.to_webp(sheet), durable=False)
        news = NewEvent(type="sample", data={"branch": state.branch, "step": state.step})
        self.run.change(lambda now: now.model_copy(update={"sample_step": state.step}), durable=False, news=news)
        for grid in surplus_grids(list_grids(self.run.samples)):
            (self.run.samples / f"{grid}.webp").unlink(missing_ok=True)


class StopWhenAsked(Quiet):
    """Writes a heartbeat every second, and ends the loop on a signal, when the run is to be canceled or paused, or when
    its key may train no more today."""

    def __init__(self, run: Run, minutes: KeyMinutes) -> None:
        self.run, self.clock, self.minutes = run, Clock(MARK_EVERY_S), minutes
        self.tasks = Tasks(self.look)
        self._worked_before_s, self._began = run.state().worked_s, time.monotonic()

    @property
    def worked_s(self) -> float:
        """Seconds of work by this and all earlier attempts."""
        return self._worked_before_s + time.monotonic() - self._began

    def after_step(self, state: TrainState, is_last: bool) -> None:  # noqa: ARG002
        if not is_last or is_asked_by_signal():
            self.look()

    def look(self) -> None:
        """Also called during long work between steps and before the first."""
        if is_asked_by_signal():
            raise StopTraining("preempted")
        if self.clock.is_due():
            marks = {"last_heartbeat_at": timestamp(), "task": self.tasks.current(), "worked_s": self.worked_s}
            now = self.run.change(lambda now: now.model_copy(update=marks), durable=False)
            if now.status in (Status.CANCELING, Status.PAUSING):
                raise StopTraining("cancel" if now.status is Status.CANCELING else "pause")
            self.minutes.look()


def must_be_sound(state: TrainState) -> None:
    """Raise RollBack if a loss or gradient was not finite; for hooks that wait for the device anyway."""
    if state.broken.item():
        raise RollBack(f"a loss or a gradient stopped being a finite number by step {state.step}")


def place_of(state: TrainState) -> BranchStep:
    return BranchStep(state.branch, state.step)


def surplus_grids(grids: list[Grid], kept: int = GRIDS_KEPT) -> list[Grid]:
    """Of more than `kept` grids (oldest first) return a tenth to delete, never the first or the last."""
    if len(grids) <= kept:
        return []
    aim = len(grids) ** (np.arange(kept - kept // 10) / (kept - kept // 10 - 1)) - 1
    staying = {0, len(grids) - 1, *np.round(aim).astype(int).tolist()}
    return [grid for index, grid in enumerate(grids) if index not in staying]
