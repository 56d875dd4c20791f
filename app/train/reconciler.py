"""Runs the reconciler beside the API, every few seconds. Knows nothing of what it does."""

import asyncio
import logging

from core.queue import QueueUnavailable, TrainQueue, trouble_of
from core.queue.reconcile import reconcile
from core.runs import RunStore

EVERY_S = 5.0

log = logging.getLogger(__name__)


async def reconcile_for_ever(runs: RunStore, queue: TrainQueue) -> None:
    is_logged = False
    while True:
        try:
            await asyncio.to_thread(reconcile, runs, queue)
            is_logged = False
        except QueueUnavailable as error:
            if not is_logged:
                log.warning("%s; runs stay on disk until it takes them: %s", trouble_of(error).sentence, error)
            is_logged = True
        except Exception:  # it must outlive whatever is in the store
            log.exception("the reconciler failed")
        await asyncio.sleep(EVERY_S)
