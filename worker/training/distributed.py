"""The processes that train one run together, each with its share of every batch. Knows no network, run or file.

All of them make the same steps with the same weights. What one alone decides, because it watches the run, the others
are told (`lead`), so that all stop, or go back, between the same two steps.

Shape suffixes: B batch; those of the share of a process are as long as the batch divided by the number of processes.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor
from torch import distributed as dist
from torch._C._distributed_c10d import FileStore, Store  # public in torch.distributed, whose types lack them

from worker.training.stopping import Reason, RollBack, RollBackFacts, StopTraining

# The death of a process is noticed at once. Where one hangs, no step is made, and the worker ends all of them.
TIMEOUT = timedelta(minutes=10)
PATIENCE = timedelta(days=7)  # with the first, which may prepare or measure something for as long as it takes

Meeting = Path | Store  # where those who train together find one another: a file, or a part of a group's store

T = TypeVar("T")


class Over(Exception):
    """The first process gave up; it reports why."""


class PeerLost(Exception):
    """Another process ended during the work, or does not answer."""


class Told(BaseModel):
    """What the first process found, or how it ended; nothing: it found what the others have already."""

    model_config = ConfigDict(frozen=True)

    decided: int | None = None
    stop: Reason | None = None
    roll_back: RollBackFacts | None = None
    over: bool = False

    def settle(self, as_before: int) -> int:
        """What the first process found; or raise what it raised."""
        if self.over:
            raise Over
        if self.stop is not None:
            raise StopTraining(self.stop)
        if self.roll_back is not None:
            raise RollBack(**vars(self.roll_back))
        return as_before if self.decided is None else self.decided


NOTHING = Told()


@dataclass(frozen=True, slots=True)
class World:
    """Which of how many processes this one is. Alone, it sends nothing and changes nothing.

    messages: what `lead` tells goes through; None: through the group for tensors. local_size: how many of the processes
    share this host.
    """

    rank: int = 0
    size: int = 1
    messages: dist.ProcessGroup | None = None
    local_size: int = 1
    hosts: int = 1

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def share(self, rows_B: Tensor) -> Tensor:
        """Return this process's rows of the whole batch."""
        return rows_B if self.size == 1 else rows_B.chunk(self.size)[self.rank]

    @torch.no_grad()
    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their mean over all processes, bit for bit the same: one sum of one flat tensor."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        with _losing_peers():
            dist.all_reduce(flat)
        parts = torch.split(flat.div_(self.size), [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view(tensor.shape))

    def lead(self, action: Callable[[], object]) -> None:
        """Let only the first process act; all raise its stop or rollback, and Over after its other errors."""

        def act() -> int:
            action()
            return 0

        self.decide(act, as_before=0)

    def decide(self, action: Callable[[], int], as_before: int) -> int:
        """Act as `lead` does, and return the first process's number everywhere. `as_before`: sent as nothing."""
        if self.size == 1:
            return action()
        if self.is_first:
            return self._do(action, as_before)
        return self._heard().settle(as_before)

    def agree(self, numbers: Sequence[int], what: str) -> None:
        """Raise PeerLost in a process that has other numbers than the first: it sees the files in another state."""
        if [self.decide(partial(int, number), as_before=0) for number in numbers] != list(numbers):
            raise PeerLost(f"process {self.rank} has another {what} than the first: do all hosts see one store?")

    def in_turn(self, action: Callable[[], T]) -> T:
        """Let every process act, the others after the first; errors as in `lead`."""
        done: list[T] = []
        self.lead(lambda: done.append(action()))
        return done[0] if done else action()

    def _do(self, action: Callable[[], int], as_before: int) -> int:
        try:
            found = action()
        except StopTraining as end:
            self._send(Told(stop=end.reason))
            raise
        except RollBack as end:
            self._send(Told(roll_back=vars(end)))
            raise
        except BaseException:
            with contextlib.suppress(PeerLost):
                self._send(Told(over=True))
            raise
        self._send(NOTHING if found == as_before else Told(decided=found))
        return found

    def _send(self, told: Told) -> None:
        """Send a message; mostly that is one number a step, its length."""
        text = b"" if told is NOTHING else told.model_dump_json(exclude_defaults=True).encode()
        content = torch.frombuffer(bytearray(text), dtype=torch.uint8) if text else None
        with _losing_peers():
            dist.broadcast(torch.tensor([0 if content is None else len(content)]), src=0, group=self.messages)
            if content is not None:
                dist.broadcast(content, src=0, group=self.messages)

    def _heard(self) -> Told:
        length = torch.zeros(1, dtype=torch.int64)
        with _losing_peers():
            dist.broadcast(length, src=0, group=self.messages)
            if not length.item():
                return NOTHING
            content = torch.empty(int(length.item()), dtype=torch.uint8)
            dist.broadcast(content, src=0, group=self.messages)
        return Told.model_validate_json(bytes(content.tolist()))


ALONE = World()


@contextlib.contextmanager
def joined(alone: World, meeting: Meeting, device: torch.device) -> Iterator[World]:
    """Meet the others, who name the same file, or the same part of a store. On GPUs NCCL carries tensors, else gloo.

    Messages of `lead` always go through gloo, without waiting for a device, in a group of their own, in which the
    others wait for the first as long as it lives.
    """
    backend = "gloo"
    if device.type == "cuda":
        torch.cuda.set_device(device)
        backend = "cpu:gloo,cuda:nccl"
    with _losing_peers():
        store = FileStore(str(meeting), alone.size) if isinstance(meeting, Path) else meeting
        dist.init_process_group(backend, timeout=TIMEOUT, world_size=alone.size, rank=alone.rank, store=store)
        messages = dist.new_group(backend="gloo", timeout=PATIENCE)
    yield replace(alone, messages=messages)
    dist.destroy_process_group()  # not after an error: what is left of a broken group may wait for ever


@contextlib.contextmanager
def _losing_peers() -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:  # of gloo and of NCCL: a connection was closed, or nothing came in time
        raise PeerLost(str(error)) from error
