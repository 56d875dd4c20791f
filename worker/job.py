"""One attempt of one run, in the process that RQ forks for it. Imports torch: never import this in the parent.

A run that is trained by several processes is watched from here, and trained in those (worker/processes/rank.py).
Shape suffixes: N images of the dataset, H height, W width, C channels.
"""

import logging
import os
from collections.abc import Callable
from functools import partial

import torch

from core.datasets import Dataset, DatasetStore
from core.errors import DatasetNotFound, IllegalTransition, RunNotFound, StoreDamaged, TrainingFailed
from core.log import about_run, configure_logging
from core.machine.cores import available_cores
from core.machine.group import read_place
from core.queue import RedisNotifier
from core.registry import Registry
from core.runs import Run, RunStore
from core.runs.checkpoints import list_checkpoints
from core.runs.execution import StoredExecution
from core.runs.states import RunState
from core.runs.stored_spec import StoredSpec
from core.settings import Settings, load_settings
from core.store import Store
from core.store.files import DISK_FULL, folder_size
from ganymede.schemas.states import Failure, Status
from models.networks import network_config
from models.subjects import of_dataset
from worker.checkpoints.checkpointing import restore
from worker.checkpoints.resuming import mark_beginning, resume
from worker.checkpoints.rollback import roll_back
from worker.diagnosis.hook import Diagnose
from worker.evaluation.classification import HeldOut
from worker.evaluation.hook import hook_of, prepare
from worker.evaluation.preparation import Context
from worker.hooks.limits import EndAtLimits, EndWithoutBetter, last_of_images, last_step
from worker.hooks.log_events import WarningsAsEvents
from worker.hooks.minutes import KeyMinutes
from worker.hooks.publishing import KeepCheckpoints, PublishVersions, lineage_of, make_up
from worker.hooks.reporting import DrawSamples, ReportProgress, StopWhenAsked, Together
from worker.processes.launch import LOST_PEER, OUT_OF_MEMORY, how, train_together
from worker.processes.leading import lead
from worker.training.batches import Batches
from worker.training.distributed import ALONE, PeerLost, World
from worker.training.execution import Execution, decide, devices_of
from worker.training.learning_set import batches_of
from worker.training.methods import method_of
from worker.training.state import TrainState
from worker.training.stopping import RollBack, StopTraining
from worker.training.trainer import Hook, Trainer

LOCK_PATIENCE_S = 3.0  # the reconciler looks whether the lock is free by taking it for a moment
FOLLOWED = "followed"  # what another process than the first did

log = logging.getLogger(__name__)


def train(run_id: str, attempt: int | None = None) -> str:
    """The function that jobs in the queue name; jobs of an earlier build lack the attempt.

    Where a training group lost a process, this one ends, too: its exit status tells its worker.
    """
    try:
        return take_on(run_id, load_settings(), attempt)
    except PeerLost as lost:
        log.warning("the attempt is lost, and the group ends: %s", lost)
        os._exit(LOST_PEER)


def take_on(run_id: str, settings: Settings, attempt: int | None = None) -> str:
    """Train a run from its newest checkpoint to its end, or until it is asked to stop; return how it ended.

    Does nothing if the run is over, gone, at another attempt, or trained by another process.
    """
    try:
        run = RunStore(Store(settings.store_path)).get(run_id)
        with about_run(run.id), run.training_lock(LOCK_PATIENCE_S) as is_mine:
            return _taken_on(run, settings, attempt) if is_mine else "trained elsewhere"
    except RunNotFound as gone:
        return f"not started: {gone}"


def _taken_on(run: Run, settings: Settings, number: int | None) -> str:
    try:
        state = run.change(lambda now: now.begun(number))
    except IllegalTransition as refusal:
        return f"not started: {refusal}"
    except (StoreDamaged, OSError) as error:  # the reconciler tells of it, and tries again
        log.warning("the run cannot be begun: %s", error)
        return f"not started: {error}"
    if state.status is not Status.RUNNING:
        log.info("%s before anything was done", state.status)
        return f"not started: {state.status}"
    _write_output_to(run, settings)
    return attempt(run, lambda: _trained(run, state, settings))


def _trained(run: Run, state: RunState, settings: Settings) -> str:
    """Train here, or watch several processes train. An attempt that their first cannot settle is lost."""
    spec = run.spec()
    processes = spec.resolved.processes
    if (place := read_place()) is not None:

        def with_group(world: World, device: str) -> str:
            return train_in(world, run, spec, settings.model_copy(update={"device": device}))

        return lead(place, run.id, spec.resolved, settings.device, with_group)
    if processes == 1:
        return train_in(ALONE, run, spec, settings)
    devices = devices_of(settings.device, processes)
    if devices[0] == "cpu" and processes > available_cores():
        log.warning("%d processes share %d cores; more processes than cores only cost", processes, available_cores())
    ended = train_together(run.id, devices)
    now = run.state()
    if now.attempt != state.attempt or now.status in (Status.SUCCEEDED, Status.FAILED, Status.CANCELED, Status.PAUSED):
        return f"trained by {processes} processes: {now.status}"
    if OUT_OF_MEMORY in ended.values():
        raise torch.OutOfMemoryError
    lost = ", ".join(f"process {rank} {how(status)}" for rank, status in ended.items() if status != LOST_PEER)
    log.warning("the attempt is lost: %s", lost)
    return f"lost: {lost}"


def attempt(run: Run, work: Callable[[], str]) -> str:
    """Run `work`, and fail the run on any error; PeerLost passes: then only the attempt is lost."""
    try:
        return work()
    except PeerLost:
        raise
    except TrainingFailed as error:
        return _fail(run, error.code, str(error), retryable=error.retryable)
    except StoreDamaged as error:
        return _fail(run, "store_unavailable", str(error), retryable=True)
    except (torch.OutOfMemoryError, MemoryError):
        log.exception("out of memory")
        return _fail(run, "out_of_memory", "not enough memory; a smaller batch_size or width may fit", retryable=True)
    except OSError as error:
        log.exception("the store cannot be used")
        if error.errno in DISK_FULL:
            return _fail(run, "store_full", "the disk of the store is full: make room, then retry", retryable=True)
        return _fail(run, "store_unavailable", f"the store cannot be used: {error.strerror}", retryable=True)
    except Exception:
        log.exception("unexpected error")
        return _fail(run, "internal", "an unexpected error; the run's log has the details", retryable=True)


def train_in(world: World, run: Run, spec: StoredSpec, settings: Settings) -> str:
    """Train a run with the other processes of `world`; the first of them settles it."""
    resolved = spec.resolved
    execution = _execution(run, settings.device, resolved.precision, world)
    execution.apply()
    training = world.in_turn(lambda: resume(run, resolved, execution, world))
    world.agree((training.branch, training.step), "checkpoint")
    dataset = world.in_turn(lambda: _dataset(run, spec))
    training.last_step = last_step(training, spec)
    stopper = StopWhenAsked(run, KeyMinutes(run, settings))
    keeper, limiter = KeepCheckpoints(run, lineage_of(run, spec)), EndAtLimits(run, spec, stopper)
    hooks: list[Hook] = []
    try:
        world.lead(lambda: _check(dataset, limiter.stopper))
        images_NHWC, labels_N = dataset.images(), dataset.labels()
        training.subjects = of_dataset(network_config(resolved), images_NHWC, labels_N)
        world.lead(lambda: hooks.extend(_set_off(run, spec, training, dataset, keeper, limiter, settings)))
        training.last_step = world.decide(lambda: training.last_step, as_before=0)  # a score made up may have moved it
    except StopTraining as stop:
        return _stopped(run, stop) if world.is_first else FOLLOWED
    batches = batches_of(training, images_NHWC, labels_N)
    while isinstance(end := _fit(training, batches, Together(world, hooks), keeper), RollBack):
        training.last_step = last_of_images(training, spec.limits)
        world.lead(partial(roll_back, run, training, end, keeper))
        if not world.is_first:
            restore(training, list_checkpoints(run)[0].folder)  # the one that the new branch begins with
        world.agree((training.branch, training.step), "checkpoint")
    if not world.is_first:
        return FOLLOWED
    if end is not None:
        return _stopped(run, end)
    run.move(Status.SUCCEEDED, ended_early=limiter.early_end(training))
    return "succeeded"


def _set_off(
    run: Run,
    spec: StoredSpec,
    training: TrainState,
    dataset: Dataset,
    keeper: KeepCheckpoints,
    limiter: EndAtLimits,
    settings: Settings,
) -> list[Hook]:
    """Finish what an earlier attempt left, report the beginning, and return the hooks; may raise StopTraining."""
    state, stopper = mark_beginning(run, training), limiter.stopper
    execution, tick, task = training.execution, stopper.tasks.tick, stopper.tasks.begin
    context = Context(store=run.store, execution=execution, inception=settings.inception, tick=tick, task=task)
    if training.resolved.publish_classifier is not None:
        keeper.held_out = HeldOut(dataset, context)
    evaluation = prepare(run, dataset, training.resolved, context)
    evaluate = hook_of(run, evaluation) if evaluation else None
    told: list[Hook] = [EndWithoutBetter(spec, is_evaluated=bool(evaluate)), ReportProgress(run, state.attempt)]
    if evaluate and training.step:
        make_up(run, training, evaluate, told, keeper)
    publisher = PublishVersions(run, Registry(run.store), RedisNotifier(settings.broker_url), spec)
    if training.step:  # an attempt may have died between its checkpoint and the publishing of it
        publisher.after_step(training, is_last=training.is_at_end)
    beside: list[Hook] = [*([evaluate] if evaluate else []), *told, DrawSamples(run), keeper, publisher]
    diagnose = Diagnose(run, spec, training, publisher.publish_best)
    log.info("attempt %d begins at step %d of %d", state.attempt, training.step, training.last_step)
    return [*beside, limiter, diagnose, stopper]


def _fit(
    training: TrainState, batches: Batches, hooks: Together, keeper: KeepCheckpoints
) -> StopTraining | RollBack | None:
    """Train until the last step, a stop (after a checkpoint), or a rollback."""
    try:
        try:
            Trainer(training, method_of(training.resolved), batches, [hooks]).fit()
        except StopTraining as stop:
            training.world.lead(lambda: keeper.write(training))
            return stop
    except RollBack as wish:
        return wish
    return None


def _stopped(run: Run, stop: StopTraining) -> str:
    """Settle a stopped run; its owner's wish goes before a preemption."""
    after = run.change(lambda now: _settled(now, stop))
    log.info("stopped (%s): %s", stop.reason, after.status)
    return stop.reason


def _settled(now: RunState, stop: StopTraining) -> RunState:
    if stop.reason == "cancel" or now.status is Status.CANCELING:
        return now.moved(Status.CANCELED)
    if stop.reason == "give_up":
        return now.moved(Status.SUCCEEDED)
    if stop.reason == "pause" or now.status is Status.PAUSING:
        return now.moved(Status.PAUSED, phase=None)
    # the reconciler puts it back into the queue
    return now.moved(Status.QUEUED, attempt=now.attempt + 1, preempted=True, phase=None)


def _fail(run: Run, code: str, message: str, *, retryable: bool) -> str:
    log.error("failed: %s: %s", code, message)
    run.move(Status.FAILED, failure=Failure(code=code, message=message, retryable=retryable))
    return f"failed: {code}"


def _execution(run: Run, device: str, precision: str, world: World) -> Execution:
    """Return what the first attempt decided: format and threads are obeyed, the device is this worker's own."""
    decided = run.execution() or StoredExecution(precision=precision)
    execution = decide(device, decided.precision, decided.threads, world)
    if world.is_first:
        if changes := execution.changes_since(decided.device, decided.threads, decided.processes):
            log.warning("the bytes may differ from those of an undisturbed run: %s", changes)
            run.log_event("action", {"action": "computed_otherwise", **changes})
        run.keep_execution(StoredExecution.model_validate(execution, from_attributes=True))
    return execution


def _dataset(run: Run, spec: StoredSpec) -> Dataset:
    try:
        return DatasetStore(run.store).get(spec.dataset.name, spec.dataset.version)
    except (DatasetNotFound, StoreDamaged) as error:
        raise TrainingFailed("dataset_invalid", str(error), retryable=True) from None


def _check(dataset: Dataset, stopper: StopWhenAsked) -> None:
    try:
        with stopper.tasks.begin("dataset_check", folder_size(dataset.folder)):
            dataset.check(stopper.tasks.tick)
    except StoreDamaged as error:
        raise TrainingFailed("dataset_invalid", str(error), retryable=True) from None


def _write_output_to(run: Run, settings: Settings) -> None:
    """Send all output of this process, also of libraries, to the run's log."""
    with run.log_file.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    configure_logging(settings.log_format, of_one_run=True)
    logging.getLogger().addHandler(WarningsAsEvents(run))
