"""A run that a training group trains, from its first process: the one that its queue worker forks.

What a run asks of one machine (`resources.processes`) and what a group is do not go together, and one error says so.
"""

import logging
from collections.abc import Callable

import torch

from core.errors import TrainingFailed
from core.machine.group import GroupPlace
from core.resolved import ResolvedConfig
from worker.processes.board import Board, GroupLost
from worker.training.distributed import PeerLost, World, joined
from worker.training.execution import devices_of

LEAST_SHARE = 2  # pictures of a batch for each process: a batch norm divides by their variance
TOLD_WITHIN_S = 5.0  # by the others, which ran out of memory

log = logging.getLogger(__name__)


def lead(
    place: GroupPlace, run_id: str, resolved: ResolvedConfig, device: str, work: Callable[[World, str], str]
) -> str:
    """Announce a run to the others of the group, and do `work(world, device)` with them.

    Raises TrainingFailed where the run is none for this group, PeerLost where another process is lost.
    """
    check(place, resolved)
    own = devices_of(device, place.local_size)[place.local_rank]
    try:
        board = Board(place)
        number = board.announce(run_id)
        meeting = board.meeting(number)
        log.info("trained by a group: %d processes on %d hosts", place.size, place.hosts)
        is_whole = True  # the group, whatever becomes of the run
        try:
            alone = World(place.rank, place.size, local_size=place.local_size, hosts=place.hosts)
            with joined(alone, meeting, torch.device(own)) as world:
                return work(world, own)
        except PeerLost:
            is_whole = board.has(f"memory/{number}", TOLD_WITHIN_S)
            if is_whole:
                raise torch.OutOfMemoryError from None
            raise
        finally:
            if is_whole:
                board.put(f"settled/{number}")
    except GroupLost as lost:
        raise PeerLost(str(lost)) from lost


def check(place: GroupPlace, resolved: ResolvedConfig) -> None:
    """Raise TrainingFailed where a run cannot be trained by all processes of this group."""
    size, batch, asked = place.size, resolved.batch_size, resolved.processes
    if asked > 1:
        raise TrainingFailed(
            "wrong_worker",
            f"resources.processes is {asked}, for GPUs of one machine, and a training group of {size} processes took "
            "the run: leave it out to train with the group, or retry with a worker of one process",
            retryable=True,
        )
    if batch % size or batch < LEAST_SHARE * size:
        raise TrainingFailed(
            "wrong_worker",
            f"a batch of {batch} cannot be shared evenly by the {size} processes of a training group, {LEAST_SHARE} "
            "pictures each at least: choose another batch_size, or retry with a smaller group",
            retryable=True,
        )
