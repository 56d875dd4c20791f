"""The moment between taking a job and marking its run, made short: the worker marks it before it forks. Without torch.

Knows no RQ.
"""

import logging

from core.errors import IllegalTransition, RunNotFound, StoreDamaged
from core.runs import RunStore
from ganymede.schemas.states import Status

log = logging.getLogger(__name__)


def claim(runs: RunStore, run_id: str, attempt: int) -> bool:
    """Mark a run as taken; False where its job has nothing to do any longer: then no process need be started.

    Where it cannot be told, the process that trains finds out: that of a run which another one seems to train, or whose
    files cannot be used.
    """
    try:
        run = runs.get(run_id)
        with run.training_lock() as is_free:
            return not is_free or run.change(lambda now: now.begun(attempt)).status is Status.RUNNING
    except (IllegalTransition, RunNotFound) as refusal:
        log.info("attempt %d is not begun: %s", attempt, refusal)
        return False
    except (StoreDamaged, OSError) as error:
        log.warning("the run cannot be marked as taken: %s", error)
        return True
