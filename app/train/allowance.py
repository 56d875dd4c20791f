"""Whether another run may wait: how many do, what its key may still use today, and room for what it will write."""

import contextlib
from collections.abc import Iterator

from app.deps import Services
from app.makers import facts_of
from core.errors import Overloaded
from core.keys.errors import QuotaExceeded
from ganymede.schemas.keys import KeyRef
from ganymede.schemas.states import Status

LOCK = "runs/.allowance.lock"
RETRY_AFTER_S = 60.0  # nobody knows when a run ends


@contextlib.contextmanager
def allowed(maker: KeyRef | None, services: Services) -> Iterator[None]:
    """Let a run of this key be queued within the block; two at once do not take the same place.

    Raises:
        StoreFull: there is no room for what it would write.
        QuotaExceeded: the key has used its minutes of today, or its places in the queue.
        Overloaded: the queue is full.
    """
    services.storage.check_room()
    key = services.keyring.known(maker.id) if maker else None
    if key is not None:
        services.usage.check_training(key)
    with services.store.locked(LOCK):
        _check_queue(maker, services)
        yield


def _check_queue(maker: KeyRef | None, services: Services) -> None:
    most, most_of_key = services.settings.max_queued, services.settings.max_queued_per_key
    waiting = [run_id for run_id, entry in services.runs.index.entries().items() if entry.status is Status.QUEUED]
    if len(waiting) >= most:
        told = f"{len(waiting)} runs wait, and {most} may (GANYMEDE_MAX_QUEUED): cancel some, or come again later"
        raise Overloaded(told, RETRY_AFTER_S)
    if maker is None or most_of_key is None or len(waiting) < most_of_key:
        return
    makers = [facts.made_by for run_id in waiting if (facts := facts_of(run_id, services))]
    own = sum(each is not None and each.id == maker.id for each in makers)
    if own >= most_of_key:
        told = f"{own} runs of the key {maker.id} wait, and {most_of_key} may (GANYMEDE_MAX_QUEUED_PER_KEY)"
        raise QuotaExceeded(f"{told}: cancel some, or come again later", RETRY_AFTER_S)
