"""How an attempt begins: from the newest whole checkpoint, or anew. Knows no queue and no process but its own."""

import logging

from core.errors import StoreDamaged
from core.resolved import ResolvedConfig
from core.runs import Run
from core.runs.checkpoints import list_checkpoints
from core.runs.states import RunState
from worker.checkpoints.checkpointing import load_training
from worker.checkpoints.initial import set_out
from worker.checkpoints.rollback import report_rollbacks
from worker.training.distributed import World
from worker.training.execution import Execution
from worker.training.state import TrainState, new_state
from worker.training.trainer import count_parameters

log = logging.getLogger(__name__)


def mark_beginning(run: Run, training: TrainState) -> RunState:
    """Record where this attempt begins; an earlier one may have died before it could."""
    marks = {"checkpoint_step": training.step or None, "attempt_began_at_step": training.step, "best": training.best}
    state = run.change(lambda now: now.model_copy(update={**marks, "remedies": training.remedies}))
    if training.step:
        run.log_event("action", {"action": "resumed", "branch": training.branch, "step": training.step})
    report_rollbacks(run, training)
    return state


def resume(run: Run, resolved: ResolvedConfig, execution: Execution, world: World) -> TrainState:
    """Return the newest whole checkpoint, or the beginning."""
    for checkpoint in list_checkpoints(run):
        try:
            return load_training(checkpoint.folder, resolved, execution, world)
        except StoreDamaged as error:
            log.warning("%s; falling back to the one before", error)
            run.log_event("action", {"action": "checkpoint_skipped", "reason": str(error)})
            checkpoint.folder.rename(checkpoint.folder.with_name(f"{checkpoint}.damaged"))  # for who wants to look
    state = new_state(resolved, execution, world)
    set_out(run, state)
    if world.is_first:
        log.info("recipe: %s, %s", resolved.recipe, resolved.recipe_reason or "as asked")
        parameters = (count_parameters(state.generator), count_parameters(state.counterpart))
        log.info("generator: %d parameters, its counterpart: %d", *parameters)
    return state
