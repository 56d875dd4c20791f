"""What happens beside the training loop: reports, sample grids, checkpoints, publishing, stopping. Knows the store.

Each hook is one concern; the job puts them in order (a checkpoint is written before it is published).
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core import files, images
from core.checkpoints import GENERATOR_FOLDER, list_checkpoints, note_published, publication
from core.errors import TrainingFailed
from core.queue import Bell
from core.registry import Registry, timestamp
from core.runs import Run
from core.samples import Grid, list_grids
from core.states import Progress, RunState, Status
from core.steps import BranchStep
from models import sampling
from models.publish import Lineage, publish_folder, write_generator
from models.resolution import network_config
from models.weights import is_finite
from worker.state import TrainState, save_training
from worker.stopping import StopTraining, is_asked_by_signal
from worker.trainer import Metrics

CHECKPOINTS_KEPT = 2
MARK_EVERY_S = 1.0  # signs of life in state.json, and looks whether it is to stop
GRIDS_KEPT = 500


class Clock:
    """Lets something happen at most once in `every_s` seconds."""

    def __init__(self, every_s: float) -> None:
        self.every_s, self._last = every_s, float("-inf")

    def is_due(self) -> bool:
        now = time.monotonic()
        if now - self._last < self.every_s:
            return False
        self._last = now
        return True


class SlowingClock:
    """As Clock, but ever rarer as time goes by: a run of any length is due some thousand times at most."""

    def __init__(self, first_s: float, slowing: float = 1 / 600) -> None:
        self.first_s, self.slowing = first_s, slowing
        self._began = time.monotonic()
        self._due_at = self._began

    def is_due(self) -> bool:
        now = time.monotonic()
        if now < self._due_at:
            return False
        self._due_at = now + max(self.first_s, (now - self._began) * self.slowing)
        return True


class Quiet:
    """A hook that does nothing; the others override what they need."""

    def after_report(self, state: TrainState, metrics: Metrics) -> None: ...

    def after_step(self, state: TrainState, is_last: bool) -> None: ...


class ReportProgress(Quiet):
    """Every point goes to metrics.jsonl; the newest into the state, at most once a second, and some into the events.

    The event log is read from its beginning by everyone who comes to watch: in a long run it gets a point a minute, and
    every evaluation. The state keeps the newest of each number: those of an evaluation until the next.
    """

    def __init__(self, run: Run, attempt: int) -> None:
        self.run, self.attempt, self.clock = run, attempt, Clock(MARK_EVERY_S)
        self.event_clock = SlowingClock(MARK_EVERY_S)

    def after_report(self, state: TrainState, metrics: Metrics) -> None:
        point = {"branch": state.branch, "step": state.step, "attempt": self.attempt, "images_seen": state.images_seen}
        files.append_json_line(self.run.metrics_file, {**point, "at": timestamp(), **metrics})
        is_last = state.step == state.resolved["steps"]
        must_be_told = is_last or "fd" in metrics
        if self.clock.is_due() or must_be_told:
            self.run.change(lambda now: self._marked(now, state, metrics), durable=False)
        if self.event_clock.is_due() or must_be_told:
            self.run.log_event("metrics", {**point, "metrics": metrics})

    def _marked(self, now: RunState, state: TrainState, metrics: Metrics) -> RunState:
        progress = Progress(
            step=state.step,
            total=state.resolved["steps"],
            images_seen=state.images_seen,
            images_per_second=metrics["images_per_second"],
        )
        changes = {"progress": progress, "last_heartbeat_at": timestamp(), "phase": "training"}
        step = state.step if "fd" in metrics else now.evaluation_step
        return now.model_copy(update={**changes, "metrics": now.metrics | metrics, "evaluation_step": step})


class DrawSamples(Quiet):
    """A grid of the same seeds again and again: how a person sees the run learn."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def after_step(self, state: TrainState, is_last: bool) -> None:
        if state.step % state.resolved["sample_every"] and not is_last:
            return
        network = state.resolved["network"]
        sheet = sampling.draw_grid(state.ema, network["latent_dim"], network["num_classes"])
        files.write_atomic(self.run.samples / f"{place_of(state)}.webp", images.to_webp(sheet), durable=False)
        self.run.change(lambda now: now.model_copy(update={"sample_step": state.step}), durable=False)
        self.run.log_event("sample", {"branch": state.branch, "step": state.step})
        for grid in surplus_grids(list_grids(self.run.samples)):
            (self.run.samples / f"{grid}.webp").unlink(missing_ok=True)


class KeepCheckpoints(Quiet):
    """Writes checkpoints, keeps the newest, and can be asked for one more before the process ends."""

    def __init__(self, run: Run, lineage: Callable[[TrainState, Metrics], Lineage]) -> None:
        self.run, self.lineage, self.metrics = run, lineage, Metrics()

    def after_report(self, state: TrainState, metrics: Metrics) -> None:  # noqa: ARG002
        self.metrics = metrics

    def after_step(self, state: TrainState, is_last: bool) -> None:
        cadence = ("checkpoint_every", "publish_every", "evaluate_every")
        if is_last or any(state.step % state.resolved[every] == 0 for every in cadence):
            self.write(state)

    def write(self, state: TrainState) -> None:
        """Put a checkpoint of the current step; a network with a weight that is no number never becomes one."""
        if not (is_finite(state.generator) and is_finite(state.ema) and is_finite(state.counterpart)):
            message = f"a weight stopped being a finite number before step {state.step}; a lower learning rate may help"
            raise TrainingFailed("diverged", message, retryable=False)
        store, name = self.run.store, place_of(state)

        def fill(folder: Path) -> None:
            save_training(folder, state)
            generator = folder / GENERATOR_FOLDER
            generator.mkdir()
            write_generator(generator, state.ema, self.lineage(state, self.metrics))

        if store.put(f"{self.run.checkpoints}/{name}", fill):
            marks = {"checkpoint_step": state.step, "attempts_without_checkpoint": 0}
            self.run.change(lambda now: now.model_copy(update=marks))
            self.run.log_event("checkpoint", {"branch": state.branch, "step": state.step})
            for old in list_checkpoints(self.run)[CHECKPOINTS_KEPT:]:
                store.delete(f"{self.run.checkpoints}/{old}")


class PublishVersions(Quiet):
    """Makes a version of every checkpoint that is due. A repeat after a crash finds it done."""

    def __init__(self, run: Run, registry: Registry, model: str, bell: Bell) -> None:
        self.run, self.registry, self.model, self.bell = run, registry, model, bell

    def after_step(self, state: TrainState, is_last: bool) -> None:
        if is_last or state.step % state.resolved["publish_every"] == 0:
            self.publish(state)

    def publish(self, state: TrainState) -> None:
        folder = self.run.store.path(f"{self.run.checkpoints}/{place_of(state)}/{GENERATOR_FOLDER}")
        version, _ = publish_folder(self.registry, self.model, folder)
        self.bell.ring(self.model)
        note_published(self.run, publication(self.model, version, state.step))
        self.registry.prune(self.model, self.run.id, state.resolved["publish_keep"])


class StopWhenAsked(Quiet):
    """Gives a sign of life every second, and ends the loop on a signal or when the run is to be canceled or paused."""

    def __init__(self, run: Run) -> None:
        self.run, self.clock = run, Clock(MARK_EVERY_S)

    def after_step(self, state: TrainState, is_last: bool) -> None:  # noqa: ARG002
        if is_asked_by_signal():
            raise StopTraining("preempted")
        if not is_last:
            self.look()

    def look(self) -> None:
        """Also called in the midst of long work, between two steps and before the first."""
        if is_asked_by_signal():
            raise StopTraining("preempted")
        if self.clock.is_due():
            now = self.run.change(lambda now: now.model_copy(update={"last_heartbeat_at": timestamp()}), durable=False)
            if now.status in (Status.CANCELING, Status.PAUSING):
                raise StopTraining("cancel" if now.status is Status.CANCELING else "pause")


def place_of(state: TrainState) -> BranchStep:
    return BranchStep(state.branch, state.step)


def surplus_grids(grids: list[Grid], kept: int = GRIDS_KEPT) -> list[Grid]:
    """Of more than `kept` grids (oldest first) those to drop: a tenth, spaced so that early ones stay closer together.

    The first and the last always stay.
    """
    if len(grids) <= kept:
        return []
    aim = len(grids) ** (np.arange(kept - kept // 10) / (kept - kept // 10 - 1)) - 1
    staying = {0, len(grids) - 1, *np.round(aim).astype(int).tolist()}
    return [grid for index, grid in enumerate(grids) if index not in staying]


def lineage_of(run: Run, spec: dict[str, object]) -> Callable[[TrainState, Metrics], Lineage]:
    """How a generator of this run is described in its manifest."""
    dataset = spec["dataset"]
    assert isinstance(dataset, dict)

    def describe(state: TrainState, metrics: Metrics) -> Lineage:
        return Lineage(
            run=run.id,
            branch=state.branch,
            step=state.step,
            images_seen=state.images_seen,
            recipe=state.resolved["recipe"],
            architecture=state.resolved["architecture"],
            network=network_config(state.resolved),
            dataset=dataset,
            metrics={**metrics},
        )

    return describe
