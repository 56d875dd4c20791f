"""What becomes of a run that went wrong: back to a sound checkpoint, and on with a change, a few times.

The change is a remedy where its owner wants that (worker/diagnosis/remedies.py), else both learning rates are halved.

The noise of a branch is its own, so that the same steps are not taken again. Knows no loop, and not what went wrong.
"""

import logging

from core.errors import CheckpointNotFound, StoreDamaged, TrainingFailed
from core.machine.clock import timestamp
from core.runs import Run
from core.runs.checkpoints import Checkpoint, list_checkpoints
from core.runs.states import Progress, RunState
from ganymede.schemas.diagnosis import Verdict
from ganymede.schemas.references import BranchStep
from ganymede.schemas.states import Best
from models.recipes import RECIPES
from worker.checkpoints.checkpointing import restore
from worker.checkpoints.initial import set_out
from worker.diagnosis import remedies
from worker.diagnosis.thresholds import DIVERSITY
from worker.hooks.publishing import KeepCheckpoints
from worker.hooks.reporting import place_of
from worker.hooks.scored import is_scored
from worker.training.state import Rollback, TrainState, start_over
from worker.training.stopping import RollBack

MOST = 3  # of a run, without a remedy
RATE_FACTOR = 0.5
ROLLED_BACK, REMEDIED = "rolled_back", "remedied"
UNSCORED = (Verdict.EXPLODING, Verdict.DISCRIMINATOR_TOO_STRONG)  # verdicts that no score is asked about

log = logging.getLogger(__name__)


def roll_back(run: Run, state: TrainState, wish: RollBack, keeper: KeepCheckpoints) -> None:
    """Return `state` to a checkpoint, or to the beginning, on a new branch, changed as `wish` asks.

    The branch begins with a checkpoint of its own, so a process that dies afterwards resumes there.

    Raises:
        TrainingFailed: it was done too often; the text says what may help.
    """
    left, rollbacks, best = place_of(state), state.rollbacks, state.best
    verdict = Verdict(wish.verdict) if wish.verdict else None
    remedy = remedies.next_remedy(verdict, state.resolved, state.remedies) if verdict else None
    if remedy is None and len([entry for entry in rollbacks if entry.remedy is None]) >= MOST:
        raise TrainingFailed(wish.failure, _advice(run, state, wish), retryable=False)
    if remedy and wish.before is not None:
        best = sound_best(run, state, wish.before)
    lr_scale, checkpoints = state.lr_scale * (1.0 if remedy else RATE_FACTOR), list_checkpoints(run)
    numbers = state.resolved.after([remedy]) if remedy else state.resolved
    keeper.metrics = _go_back(run, state, _candidates(checkpoints, state, wish))
    entry = Rollback(
        reason=wish.reason,
        from_branch=left.branch,
        from_step=left.step,
        branch=1 + max(left.branch, *(found.branch for found in checkpoints), 0),
        step=state.step,
        lr_scale=lr_scale,
        generator_lr=numbers.generator_lr * lr_scale,
        discriminator_lr=numbers.discriminator_lr * lr_scale,
        verdict=verdict,
        remedy=remedy,
    )
    state.branch, state.lr_scale, state.best, state.without_better = entry.branch, lr_scale, best, 0
    state.go_on_with([*rollbacks, entry])
    keeper.write(state)
    run.change(lambda now: _marked(now, state))
    report_rollbacks(run, state)


def sound_best(run: Run, state: TrainState, since_step: int) -> Best | None:
    """Return the best checkpoint, unless it is younger than the trouble, or its own scores show one."""
    best = state.best
    if best is None or not _is_proven(Checkpoint(best.branch, best.step, run)):
        return None
    later = [entry for entry in state.rollbacks if entry.branch > best.branch]
    led_here = all(entry.step >= best.step for entry in later)
    return None if led_here and best.step >= since_step else best


def report_rollbacks(run: Run, state: TrainState) -> None:
    """Write the events of rollbacks that are missing: a process may have died before it could."""
    actions = [event.data for event in run.events() if event.type == "action"]
    reported = {data["branch"] for data in actions if data.get("action") in (ROLLED_BACK, REMEDIED)}
    for entry in state.rollbacks:
        if entry.branch not in reported:
            _report(run, entry, state)


def _report(run: Run, entry: Rollback, state: TrainState) -> None:
    """Write the event of a rollback; `count` is of its kind."""
    kind = [each for each in state.rollbacks if bool(each.remedy) is bool(entry.remedy)]
    went = f"{entry.reason}; went back to step {entry.step}, and on with"
    facts = {"count": 1 + kind.index(entry), **entry.model_dump(mode="json", exclude_none=True)}
    if entry.remedy is None:
        action, most = ROLLED_BACK, MOST
        message = f"{went} learning rates of {_rates((entry.generator_lr, entry.discriminator_lr))}"
    else:
        action, most = REMEDIED, remedies.MOST
        message = f"{went} {entry.remedy.in_words()}: {entry.remedy.why}"
        facts |= facts.pop("remedy") | {"remedy": entry.remedy.name}
        del facts["name"]
    run.log_event("action", {"action": action, "message": message, "most": most, **facts})
    log.info("%s, from step %d: %s", action.replace("_", " "), entry.from_step, message)


def _candidates(checkpoints: list[Checkpoint], state: TrainState, wish: RollBack) -> list[Checkpoint]:
    """List the checkpoints to return to, first choice first; a branch that led nowhere goes back further."""
    if state.rollbacks and checkpoints:
        began = BranchStep(state.rollbacks[-1].branch, state.rollbacks[-1].step)
        if str(checkpoints[0]) == str(began):
            checkpoints = [found for found in checkpoints if found.step < began.step]
    if wish.before is not None:
        checkpoints = [found for found in checkpoints if found.step < wish.before]
    if wish.verdict is not None and wish.verdict not in UNSCORED:
        checkpoints = [found for found in checkpoints if _is_proven(found)]
    if wish.to_best and state.best:
        best = f"{state.best.branch}-{state.best.step}"
        return sorted(checkpoints, key=lambda found: str(found) != best)  # stable: the others stay newest first
    return checkpoints


def _is_proven(checkpoint: Checkpoint) -> bool:
    """Return whether it was evaluated after the warm-up, and its pictures are not all alike."""
    try:
        metrics = checkpoint.manifest().measured
    except (CheckpointNotFound, StoreDamaged):
        return False
    return is_scored(metrics) and metrics.get("diversity", 1.0) >= DIVERSITY


def _go_back(run: Run, state: TrainState, candidates: list[Checkpoint]) -> dict[str, float]:
    """Restore the first whole candidate, or the beginning; return what was measured there."""
    for checkpoint in candidates:
        try:
            metrics = checkpoint.manifest().measured
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
    progress = Progress(total=state.last_step, images_per_second=rate, **facts)
    marks = {"progress": progress, "last_heartbeat_at": timestamp(), "remedies": state.remedies}
    return now.model_copy(update=marks)


def _advice(run: Run, state: TrainState, wish: RollBack) -> str:
    resolved, times, last = state.settled, len(state.rollbacks) - len(state.remedies), state.rollbacks[-1]
    asked, proven = resolved.learning_rates, RECIPES[resolved.recipe].learning_rates
    tried = (last.generator_lr, last.discriminator_lr)
    better = tuple(min(rate / 4, default) for rate, default in zip(tried, proven, strict=True))
    parts = [
        f"{wish.reason}; rolled back {times} times before, from learning rates of {_rates(asked)} down "
        f"to {_rates(tried)}, and it came again",
        f"start a new run with generator_lr {better[0]:.3g} and discriminator_lr {better[1]:.3g} "
        f"({resolved.recipe} is proven with {_rates(proven)})",
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
