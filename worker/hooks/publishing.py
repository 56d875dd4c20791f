"""The hooks that keep what a run has made: its checkpoints, and versions published from them. Knows no loop."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from core.keys import Asker
from core.queue import RedisNotifier
from core.registry import Registry
from core.registry.manifest import StartedFrom
from core.runs import NewEvent, Run
from core.runs.checkpoints import (
    CLASSIFIER_FOLDER,
    GENERATOR_FOLDER,
    Checkpoint,
    list_checkpoints,
    note_published,
    publication,
)
from core.runs.stored_spec import StoredSpec
from ganymede.schemas.references import LATEST, BranchStep
from ganymede.schemas.states import Best
from models.heads import ARCHITECTURE, class_head
from models.networks import network_config
from models.publish import publish_folder
from models.weights import is_finite
from models.writing import Lineage, write_generator
from worker.checkpoints.checkpointing import save_training
from worker.evaluation.classification import HeldOut
from worker.evaluation.hook import Evaluate
from worker.hooks.reporting import Quiet, must_be_sound, place_of
from worker.hooks.scored import better, is_scored
from worker.training.state import TrainState
from worker.training.stopping import RollBack
from worker.training.trainer import Hook, Metrics

CHECKPOINTS_KEPT = 2


class KeepCheckpoints(Quiet):
    """Writes checkpoints, keeps the newest and the best, and writes one more on request."""

    def __init__(self, run: Run, lineage: Callable[[TrainState, Metrics], Lineage]) -> None:
        self.run, self.lineage, self.metrics = run, lineage, Metrics()
        self.held_out: HeldOut | None = None  # what the class head is tested with, where there is one
        self._measured_at: BranchStep | None = None

    def after_report(self, state: TrainState, metrics: Metrics) -> None:
        """Join two reports of one step."""
        known = self.metrics if self._measured_at == place_of(state) else {}
        self.metrics, self._measured_at = {**known, **metrics}, place_of(state)

    def after_step(self, state: TrainState, is_last: bool) -> None:
        cadence = (state.resolved.checkpoint_every, state.resolved.publish_every, state.resolved.evaluate_every)
        if is_last or any(state.step % every == 0 for every in cadence):
            self.write(state)

    def write(self, state: TrainState, *, again: bool = False) -> None:
        """Put a checkpoint of the current step; a network with a weight that is no number never becomes one.

        again: in the place of the one that is there, which has the same weights but other metrics."""
        must_be_sound(state)
        if not (is_finite(state.generator) and is_finite(state.ema) and is_finite(state.counterpart)):
            raise RollBack(f"a weight stopped being a finite number by step {state.step}")
        store, name = self.run.store, place_of(state)
        if self._measured_at == name:
            state.best = better(state.best, name, self.metrics)

        def fill(folder: Path) -> None:
            save_training(folder, state)
            generator = folder / GENERATOR_FOLDER
            generator.mkdir()
            lineage = self.lineage(state, self.metrics)
            write_generator(generator, state.ema, lineage, state.subjects)
            if self.held_out is not None:
                _write_head(folder / CLASSIFIER_FOLDER, state, lineage, self.held_out)

        if store.put(f"{self.run.checkpoints}/{name}", fill, replace=again):
            marks = {"checkpoint_step": state.step, "attempts_without_checkpoint": 0, "best": state.best}
            news = NewEvent(type="checkpoint", data={"branch": state.branch, "step": state.step})
            self.run.change(lambda now: now.model_copy(update=marks), news=news)
            for old in superseded(list_checkpoints(self.run), state.best):
                store.delete(f"{self.run.checkpoints}/{old}")


def _write_head(folder: Path, state: TrainState, lineage: Lineage, held_out: HeldOut) -> None:
    """Write the discriminator's head that names classes, with its own numbers in the place of the generator's."""
    head = class_head(state.counterpart, lineage.network)
    metrics, counts = held_out.measured(head.network)
    folder.mkdir()
    measured: dict[str, float | None] = {**metrics}
    described = replace(lineage, architecture=ARCHITECTURE, network=head.config, metrics=measured, confusion=counts)
    write_generator(folder, head.network, described)


def make_up(run: Run, training: TrainState, evaluate: Evaluate, told: Sequence[Hook], keeper: KeepCheckpoints) -> None:
    """Give the checkpoint that this attempt resumes from the scores that a stop cut short."""
    metrics = Checkpoint(training.branch, training.step, run).manifest().measured
    if is_scored(metrics) or "images_per_second" not in metrics or not evaluate.is_due(training):
        return
    evaluate.after_report(training, metrics)
    evaluate.after_step(training, is_last=False)
    for hook in (*told, keeper):
        hook.after_report(training, metrics)
    keeper.write(training, again=True)


class PublishVersions(Quiet):
    """Publishes every checkpoint that is due. A repeat after a crash finds it done."""

    def __init__(self, run: Run, registry: Registry, notifier: RedisNotifier, spec: StoredSpec) -> None:
        self.run, self.registry, self.notifier, self.model = run, registry, notifier, spec.model
        self.owner = Asker(key=spec.made_by)  # it was asked whether it may when the run was

    def after_step(self, state: TrainState, is_last: bool) -> None:
        if is_last and state.resolved.publish_final == "best" and state.best:
            self.publish_best(state, state.best)
        elif is_last or state.step % state.resolved.publish_every == 0:
            self._publish(state, place_of(state))

    def publish_best(self, state: TrainState, best: Best) -> None:
        self._publish(state, BranchStep(best.branch, best.step), is_newest=True)

    def _publish(self, state: TrainState, place: BranchStep, *, is_newest: bool = False) -> None:
        """is_newest: even if it was published before, and other versions since."""
        models = {GENERATOR_FOLDER: self.model, CLASSIFIER_FOLDER: state.resolved.publish_classifier}
        for part, model in models.items():
            if model is None:
                continue
            folder = self.run.store.path(f"{self.run.checkpoints}/{place}/{part}")
            version, _ = publish_folder(self.registry, model, folder, asker=self.owner)
            if is_newest and self.registry.pointers(model).aliases.get(LATEST) != version:
                version, _ = publish_folder(self.registry, model, folder, again=True, asker=self.owner)
            self.notifier.notify(model)
            note_published(self.run, publication(model, version, place.step))
            self.registry.prune(model, self.run.id, state.resolved.publish_keep)


def superseded(checkpoints: list[Checkpoint], best: Best | None = None) -> list[Checkpoint]:
    """Return those of `checkpoints` (newest first) to delete: all but the newest two and the best.

    Those of one step count as one, the newest: a rollback begins its branch with a copy of its target.
    """
    newest_of = {found.step: found for found in reversed(checkpoints)}
    staying = sorted(newest_of.values(), reverse=True)[:CHECKPOINTS_KEPT]
    named = {str(found) for found in staying} | ({f"{best.branch}-{best.step}"} if best else set())
    return [found for found in checkpoints if str(found) not in named]


def lineage_of(run: Run, spec: StoredSpec) -> Callable[[TrainState, Metrics], Lineage]:
    """Return a function that describes a generator of this run in its manifest."""
    dataset, init = spec.dataset, spec.init

    def describe(state: TrainState, metrics: Metrics) -> Lineage:
        return Lineage(
            run=run.id,
            branch=state.branch,
            step=state.step,
            images_seen=state.images_seen,
            recipe=state.resolved.recipe,
            architecture=state.resolved.architecture,
            network=network_config(state.resolved),
            dataset=dataset,
            metrics={**metrics},
            init=StartedFrom(reference=init.reference, digest=init.digest) if init else None,
            made_by=spec.made_by,
            confusion=state.confusion if is_scored(metrics) else None,
        )

    return describe
