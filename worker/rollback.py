"""What becomes of a run that went wrong: back to a sound checkpoint, and on with lower learning rates, a few times.

The noise of a branch is its own, so that the same steps are not taken again. Knows no loop, and not what went wrong.
"""

import logging
from dataclasses import asdict

from core.checkpoints import Checkpoint, list_checkpoints
from core.errors import StoreDamaged, TrainingFailed
from core.registry import timestamp
from core.runs import Run
from core.states import Progress, RunState
from core.steps import BranchStep
from models.recipes import RECIPES
from worker.checkpointing import restore
from worker.hooks import place_of
from worker.initial import set_out
from worker.keeping import KeepCheckpoints
from worker.state import Rollback, TrainState, start_over
from worker.stopping import RollBack

MOST = 3  # of a run
RATE_FACTOR = 0.5
ROLLED_BACK = "rolled_back"

log = logging.getLogger(__name__)


def roll_back(run: Run, state: TrainState, wish: RollBack, keeper: KeepCheckpoints) -> None:
    """Put `state` back to a checkpoint, or to the beginning, on a new branch with both learning rates halved.

    The branch begins with a checkpoint of its own, so a process that dies from here on goes on with it.

    Raises:
        TrainingFailed: it was done too often; the text says what may help.
    """
    left, rollbacks, best = place_of(state), state.rollbacks, state.best
    if len(rollbacks) >= MOST:
        raise TrainingFailed(wish.failure, _advice(run, state, wish), retryable=False)
    lr_scale, checkpoints = state.lr_scale * RATE_FACTOR, list_checkpoints(run)
    branch = 1 + max(left.branch, *(found.branch for found in checkpoints), 0)
    metrics = _go_back(run, state, _candidates(checkpoints, state, wish))
    state.branch, state.lr_scale, state.best = branch, lr_scale, best
    rates = (state.resolved["generator_lr"] * lr_scale, state.resolved["discriminator_lr"] * lr_scale)
    entry = Rollback(
        reason=wish.reason,
        from_branch=left.branch,
        from_step=left.step,
        branch=branch,
        step=state.step,
        lr_scale=lr_scale,
        generator_lr=rates[0],
        discriminator_lr=rates[1],
    )
    state.rollbacks = [*rollbacks, entry]
    keeper.metrics = metrics
    keeper.write(state)
    run.change(lambda now: _marked(now, state))
    tell_of_rollbacks(run, state)


def tell_of_rollbacks(run: Run, state: TrainState) -> None:
    """Put those into the event log that are not there: a process may have died before it could."""
    actions = [event["data"] for event in run.events() if event["type"] == "action"]
    told = {data["branch"] for data in actions if data.get("action") == ROLLED_BACK}
    for count, entry in enumerate(state.rollbacks, start=1):
        if entry.branch not in told:
            rates = _rates((entry.generator_lr, entry.discriminator_lr))
            message = f"{entry.reason}; went back to step {entry.step}, and on with learning rates of {rates}"
            facts = {**asdict(entry), "count": count, "most": MOST}
            run.log_event("action", {"action": ROLLED_BACK, "message": message, **facts})
            log.info("rolled back from step %d: %s", entry.from_step, message)


def _candidates(checkpoints: list[Checkpoint], state: TrainState, wish: RollBack) -> list[Checkpoint]:
    """Where to go back to, first choice first. One that led nowhere is not sound, whatever its numbers say: a branch
    that did not get to a checkpoint of its own goes back further than it began."""
    if state.rollbacks and checkpoints:
        began = BranchStep(state.rollbacks[-1].branch, state.rollbacks[-1].step)
        if str(checkpoints[0]) == str(began):
            checkpoints = [found for found in checkpoints if found.step < began.step]
    if wish.before is not None:
        checkpoints = [found for found in checkpoints if found.step < wish.before]
    if wish.to_best and state.best:
        best = f"{state.best.branch}-{state.best.step}"
        return sorted(checkpoints, key=lambda found: str(found) != best)  # stable: the others stay newest first
    return checkpoints


def _go_back(run: Run, state: TrainState, candidates: list[Checkpoint]) -> dict[str, float]:
    """Restore the first of `candidates` that is whole, or the beginning; returns what was measured there."""
    for checkpoint in candidates:
        try:
            metrics: dict[str, float] = checkpoint.manifest()["metrics"]
            restore(state, checkpoint.folder)
            return metrics
        except StoreDamaged as error:
            log.warning("%s; going back to the one before", error)
            run.log_event("action", {"action": "checkpoint_skipped", "reason": str(error)})
    start_over(state)
    set_out(run, state)
    return {}


def _marked(now: RunState, state: TrainState) -> RunState:
    rate = now.progress.images_per_second
    facts = {"branch": state.branch, "step": state.step, "images_seen": state.images_seen}
    progress = Progress(total=state.steps, images_per_second=rate, **facts)
    return now.model_copy(update={"progress": progress, "last_heartbeat_at": timestamp()})


def _advice(run: Run, state: TrainState, wish: RollBack) -> str:
    """What happened, with its numbers, and what to do about it."""
    resolved, last = state.resolved, state.rollbacks[-1]
    asked = (resolved["generator_lr"], resolved["discriminator_lr"])
    proven = RECIPES[resolved["recipe"]].learning_rates
    tried = (last.generator_lr, last.discriminator_lr)
    better = tuple(min(rate / 4, default) for rate, default in zip(tried, proven, strict=True))
    parts = [
        f"{wish.reason}; rolled back {len(state.rollbacks)} times before, from learning rates of {_rates(asked)} down "
        f"to {_rates(tried)}, and it came again",
        f"start a new run with generator_lr {better[0]:.3g} and discriminator_lr {better[1]:.3g} "
        f"({resolved['recipe']} is proven with {_rates(proven)})",
    ]
    if state.execution.precision == "bfloat16":
        parts.append("precision float32 may help, too")
    measured = run.state().metrics
    norms = [f"{name} {value:.3g}" for name in ("g_gradient", "d_gradient") if (value := measured.get(name))]
    if norms:
        parts.append(f"the last gradient norms were {', '.join(norms)}")
    return "; ".join(parts)


def _rates(rates: tuple[float, float]) -> str:
    return f"{rates[0]:.3g} and {rates[1]:.3g}"
