"""The hooks that keep what a run has made: its checkpoints, and versions published from them. Knows no loop."""

from collections.abc import Callable
from pathlib import Path

from core.checkpoints import GENERATOR_FOLDER, Checkpoint, list_checkpoints, note_published, publication
from core.queue import Bell
from core.registry import Registry
from core.runs import Run
from models.publish import Lineage, publish_folder, write_generator
from models.resolution import network_config
from models.weights import is_finite
from worker.checkpointing import save_training
from worker.hooks import Quiet, must_be_sound, place_of
from worker.state import TrainState
from worker.stopping import RollBack
from worker.trainer import Metrics

CHECKPOINTS_KEPT = 2


class KeepCheckpoints(Quiet):
    """Writes checkpoints, keeps the newest, and can be asked for one more before the process ends."""

    def __init__(self, run: Run, lineage: Callable[[TrainState, Metrics], Lineage]) -> None:
        self.run, self.lineage, self.metrics = run, lineage, Metrics()

    def after_report(self, state: TrainState, metrics: Metrics) -> None:  # noqa: ARG002
        self.metrics = metrics

    def after_step(self, state: TrainState, is_last: bool) -> None:
        cadence = (state.resolved["checkpoint_every"], state.resolved["publish_every"])
        if is_last or any(state.step % every == 0 for every in cadence):
            self.write(state)

    def write(self, state: TrainState) -> None:
        """Put a checkpoint of the current step; a network with a weight that is no number never becomes one."""
        must_be_sound(state)
        if not (is_finite(state.generator) and is_finite(state.ema) and is_finite(state.counterpart)):
            raise RollBack(f"a weight stopped being a finite number by step {state.step}")
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
            for old in superseded(list_checkpoints(self.run)):
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


def superseded(checkpoints: list[Checkpoint]) -> list[Checkpoint]:
    """Those of `checkpoints` (newest first) to delete: all but the newest two.

    Those of one step count as one, the newest: a rollback begins its branch with a copy of the one it went back to.
    """
    newest_of = {found.step: found for found in reversed(checkpoints)}
    staying = sorted(newest_of.values(), reverse=True)[:CHECKPOINTS_KEPT]
    return [found for found in checkpoints if found not in staying]


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
