"""The reconciler: brings the queue in line with the runs on disk. Knows nothing of training; the files decide.

Whatever ends an attempt (a killed worker, a lost Redis, a preemption), only this enqueues the next one. Any process
may call it at any time; a lock lets one work at a time, the others go on.
"""

import contextlib
import logging
from datetime import UTC, datetime

from core.errors import IllegalTransition, RunNotFound, StoreDamaged
from core.log import about_run
from core.queue import JobState, TrainQueue
from core.runs import Run, RunStore
from core.runs.states import SETTLED, RunState
from core.store import files
from ganymede.schemas.states import Failure, Status

MAX_LOST_ATTEMPTS = 3  # in a row, without a newer checkpoint
CANCEL_GRACE_S = 30.0  # then the process is killed

log = logging.getLogger(__name__)


def reconcile(runs: RunStore, queue: TrainQueue) -> int:
    """Look at every unfinished run once; return how many changed. Raises one of QueueUnavailable."""
    changed = 0
    with files.try_lock_file(runs.store.path("runs/.reconciler.lock")) as is_mine:
        if not is_mine:
            return 0
        with contextlib.suppress(OSError):
            runs.store.keep_ballast()
        for run_id in runs.index.active():  # oldest first: a rebuilt queue keeps its order
            with about_run(run_id):
                changed += _look_after(Run(runs.store, run_id), queue)
    return changed


def queue_attempt(run: Run, state: RunState, queue: TrainQueue) -> bool:
    """Queue the attempt of `state`; False if it was queued before.

    Who ends a run writes its state first, and removes its job then. Here the job is queued first, and the state looked
    at then: whichever is later finds the other, and no job of a run that is over stays.
    """
    is_new = queue.enqueue(run.id, state.attempt, at_front=state.preempted)
    try:
        now = run.state()
        is_wanted = now.status.wants_worker and now.attempt == state.attempt
    except RunNotFound:
        is_wanted = False
    if not is_wanted:
        queue.remove(run.id, state.attempt)
    return is_new


def _look_after(run: Run, queue: TrainQueue) -> bool:
    try:
        state = run.told()
        if state.status.wants_worker and not run.is_being_trained():
            return _settle(run, state, queue)
        if state.status is Status.CANCELING and state.asked_to_stop_at:
            asked_at = datetime.fromisoformat(state.asked_to_stop_at)
            if (datetime.now(UTC) - asked_at).total_seconds() > CANCEL_GRACE_S:
                queue.kill(run.id, state.attempt)
    except (IllegalTransition, RunNotFound):
        pass  # it moved on, or was deleted, while we looked
    except (StoreDamaged, OSError) as error:
        log.warning("run %s cannot be looked after: %s", run.id, error)
    return False


def _settle(run: Run, state: RunState, queue: TrainQueue) -> bool:
    """Enqueue or end a run that nobody trains."""
    if state.status in SETTLED:
        run.change(lambda now: _as_seen(now, state).moved(SETTLED[state.status], phase=None))
        return True
    job = queue.state(run.id, state.attempt)
    if job in (JobState.WAITING, JobState.RUNNING):
        return False  # a worker has it, or will have it
    is_new = state.status is Status.QUEUED and job is JobState.ABSENT
    if is_new and queue_attempt(run, state, queue):
        return True
    # lost; or Redis holds the torn rest of a job under this id, which only another attempt gets past
    after = run.change(lambda now: _next_attempt(_as_seen(now, state)))
    log.info("run %s lost its worker at step %d: %s", run.id, state.progress.step, after.status)
    if after.status is Status.QUEUED:
        queue_attempt(run, after, queue)
    return True


def _as_seen(now: RunState, seen: RunState) -> RunState:
    """Return `now`, unless the run has moved on since the look at its lock."""
    if (now.status, now.attempt) != (seen.status, seen.attempt):
        raise IllegalTransition(now.status, seen.status, [])
    return now


def _next_attempt(now: RunState) -> RunState:
    has_newer = (now.checkpoint_step or 0) > now.attempt_began_at_step
    lost = 0 if has_newer else now.attempts_without_checkpoint + 1
    if lost >= MAX_LOST_ATTEMPTS:
        message = f"the worker was lost {lost} times in a row before a new checkpoint was reached"
        failure = Failure(code="worker_lost", message=message, retryable=True)
        return now.moved(Status.FAILED, failure=failure, attempts_without_checkpoint=lost)
    return now.moved(
        Status.QUEUED,
        attempt=now.attempt + 1,
        attempts_without_checkpoint=lost,
        attempt_began_at_step=now.checkpoint_step or 0,
        preempted=True,  # keeps its place at the front, also when the queue is lost next
        phase=None,
    )
