"""One attempt of one run, in the process that RQ forks for it. Imports torch: never import this in the parent."""

import logging
import os
from typing import Any

import torch

from core.checkpoints import list_checkpoints
from core.datasets import Dataset, DatasetStore
from core.errors import DatasetNotFound, IllegalTransition, StoreDamaged, TrainingFailed
from core.log import about_run, configure_logging
from core.queue import Bell
from core.registry import Registry, timestamp
from core.runs import Run, RunStore
from core.settings import Settings, load_settings
from core.states import Failure, RunState, Status
from core.store import Store
from worker.batches import Batches
from worker.checkpointing import load_training
from worker.diagnosis.hook import Diagnose
from worker.evaluation import Evaluate, prepare
from worker.execution import Execution, decide
from worker.hooks import DrawSamples, ReportProgress, StopWhenAsked
from worker.initial import set_out
from worker.keeping import KeepCheckpoints, PublishVersions, lineage_of
from worker.log_events import WarningsAsEvents
from worker.methods import method_of
from worker.rollback import roll_back, tell_of_rollbacks
from worker.scores.preparation import Workshop
from worker.state import TrainState, new_state
from worker.stopping import RollBack, StopTraining
from worker.trainer import Hook, Trainer, count_parameters

LOCK_PATIENCE_S = 3.0  # the reconciler looks whether the lock is free by taking it for a moment

log = logging.getLogger(__name__)


def train(run_id: str) -> str:
    """The function that jobs in the queue name."""
    return take_on(run_id, load_settings())


def take_on(run_id: str, settings: Settings) -> str:
    """Take a run on from its newest checkpoint to its end, or until it is asked to stop; returns how it ended.

    Does nothing when the run is over, or trained by another process.
    """
    run = RunStore(Store(settings.store_path)).get(run_id)
    with about_run(run.id), run.training_lock(LOCK_PATIENCE_S) as is_mine:
        if not is_mine:
            return "trained elsewhere"
        try:
            state = run.change(_begin)
        except IllegalTransition as refusal:
            return f"not started: {refusal}"
        _write_output_to(run, settings)
        return _attempt(run, state, settings)


def _begin(state: RunState) -> RunState:
    return state.moved(
        Status.RUNNING,
        phase="preparing",
        preempted=False,
        started_at=state.started_at or timestamp(),
        last_heartbeat_at=timestamp(),
        attempt_began_at_step=state.checkpoint_step or 0,
    )


def _attempt(run: Run, state: RunState, settings: Settings) -> str:
    try:
        return _train(run, state, settings)
    except TrainingFailed as error:
        return _fail(run, error.code, str(error), retryable=error.retryable)
    except StoreDamaged as error:
        return _fail(run, "store_unavailable", str(error), retryable=True)
    except (torch.OutOfMemoryError, MemoryError):
        log.exception("out of memory")
        return _fail(run, "out_of_memory", "not enough memory; a smaller batch_size or width may fit", retryable=True)
    except OSError as error:
        log.exception("the store cannot be used")
        return _fail(run, "store_unavailable", f"the store cannot be used: {error.strerror}", retryable=True)
    except Exception:
        log.exception("unexpected error")
        return _fail(run, "internal", "an unexpected error; the run's log has the details", retryable=True)


def _train(run: Run, state: RunState, settings: Settings) -> str:
    spec = run.spec()
    resolved = spec["resolved"]
    execution = _execution(run, settings.device, resolved["precision"])
    execution.apply()
    training = _resume(run, resolved, execution)
    _mark_beginning(run, training)
    dataset = _dataset(run, spec)
    stopper = StopWhenAsked(run)
    workshop = Workshop(store=run.store, execution=execution, inception=settings.inception, tick=stopper.look)
    try:
        evaluation = prepare(run, dataset, resolved, workshop)
    except StopTraining as stop:
        return _stopped(run, stop)
    is_budgeted = spec["request"].get("config", {}).get("evaluate_every", "auto") == "auto"
    evaluate: list[Hook] = [Evaluate(evaluation, is_budgeted=is_budgeted)] if evaluation else []
    keeper = KeepCheckpoints(run, lineage_of(run, spec))
    publisher = PublishVersions(run, Registry(run.store), spec["model"], Bell(settings.broker_url))
    if training.step:  # an attempt may have died between its checkpoint and the publishing of it
        publisher.after_step(training, is_last=training.step == resolved["steps"])
    beside: list[Hook] = [*evaluate, ReportProgress(run, state.attempt), DrawSamples(run), keeper, publisher]
    hooks = [*beside, Diagnose(run, spec, training), stopper]
    log.info("attempt %d begins at step %d of %d", state.attempt, training.step, resolved["steps"])
    batches = _batches(dataset, resolved, execution)
    while isinstance(end := _fit(training, batches, hooks, keeper), RollBack):
        roll_back(run, training, end, keeper)
    if end is not None:
        return _stopped(run, end)
    run.move(Status.SUCCEEDED)
    return "succeeded"


def _fit(
    training: TrainState, batches: Batches, hooks: list[Hook], keeper: KeepCheckpoints
) -> StopTraining | RollBack | None:
    """Train until the last step, until the run is to stop (then a checkpoint has been written), or is to go back."""
    try:
        try:
            Trainer(training, method_of(training.resolved), batches, hooks).fit()
        except StopTraining as stop:
            keeper.write(training)
            return stop
    except RollBack as wish:
        return wish
    return None


def _stopped(run: Run, stop: StopTraining) -> str:
    """Settle a run that stopped between two steps; what its owner asked for goes before a preemption."""
    after = run.change(lambda now: _settled(now, stop))
    log.info("stopped (%s): %s", stop.reason, after.status)
    return stop.reason


def _settled(now: RunState, stop: StopTraining) -> RunState:
    if stop.reason == "cancel" or now.status is Status.CANCELING:
        return now.moved(Status.CANCELED)
    if stop.reason == "pause" or now.status is Status.PAUSING:
        return now.moved(Status.PAUSED, phase=None)
    # the reconciler puts it back into the queue
    return now.moved(Status.QUEUED, attempt=now.attempt + 1, preempted=True, phase=None)


def _fail(run: Run, code: str, message: str, *, retryable: bool) -> str:
    log.error("failed: %s: %s", code, message)
    run.move(Status.FAILED, failure=Failure(code=code, message=message, retryable=retryable))
    return f"failed: {code}"


def _execution(run: Run, device: str, precision: str) -> Execution:
    """What the first attempt decided: format and threads are obeyed, the device is this worker's own."""
    decided = run.execution() or {"precision": precision, "threads": None}
    execution = decide(device, decided["precision"], decided["threads"])
    run.store.swap(f"{run.key}/execution.json", execution.to_json())
    return execution


def _mark_beginning(run: Run, training: TrainState) -> None:
    """From which step this attempt goes on; an attempt before it may have died before it could say so."""
    step = training.step or None
    marks = {"checkpoint_step": step, "attempt_began_at_step": training.step, "best": training.best}
    run.change(lambda now: now.model_copy(update=marks))
    if step is not None:
        run.log_event("action", {"action": "resumed", "branch": training.branch, "step": step})
    tell_of_rollbacks(run, training)


def _resume(run: Run, resolved: dict[str, Any], execution: Execution) -> TrainState:
    """The newest checkpoint that is whole, or the beginning."""
    for checkpoint in list_checkpoints(run):
        try:
            return load_training(checkpoint.folder, resolved, execution)
        except StoreDamaged as error:
            log.warning("%s; falling back to the one before", error)
            run.log_event("action", {"action": "checkpoint_skipped", "reason": str(error)})
            aside = checkpoint.folder.with_name(f"{checkpoint}.damaged")  # for whoever wants to look at it
            checkpoint.folder.rename(aside)
    state = new_state(resolved, execution)
    set_out(run, state)
    parameters = (count_parameters(state.generator), count_parameters(state.counterpart))
    log.info("generator: %d parameters, its counterpart: %d", *parameters)
    return state


def _dataset(run: Run, spec: dict[str, Any]) -> Dataset:
    try:
        dataset = DatasetStore(run.store).get(spec["dataset"]["name"], spec["dataset"]["version"])
        dataset.check()
    except (DatasetNotFound, StoreDamaged) as error:
        raise TrainingFailed("dataset_invalid", str(error), retryable=True) from None
    return dataset


def _batches(dataset: Dataset, resolved: dict[str, Any], execution: Execution) -> Batches:
    device = execution.torch_device
    return Batches(dataset.images(), dataset.labels(), resolved["batch_size"], resolved["seed"], device)


def _write_output_to(run: Run, settings: Settings) -> None:
    """From here on all that this process prints, libraries' own words too, is the run's log."""
    with run.log_file.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    configure_logging(settings.log_format, of_one_run=True)
    logging.getLogger().addHandler(WarningsAsEvents(run))
