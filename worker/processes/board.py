"""What the processes of a training group tell one another: who is here, which run is next, how it ended.

It is kept in the store that torchrun opens for the group (a TCPStore of torch.distributed: names and bytes, no pickle).
Knows no run but by its id.
"""

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

from torch._C._distributed_c10d import PrefixStore, Store, TCPStore

from core.machine.group import GroupPlace

ANSWER_WITHIN = timedelta(seconds=30)
LOOK_EVERY_S = 0.2
END, OVER = "end", "over"  # somebody was told to stop; why the group is over, "" where that was wished for


class GroupLost(Exception):
    """The group cannot go on; the text says why."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Where a process of the group runs, and what it trains on."""

    host: str
    device: str


class Board:
    """The group's words, by name. Every method raises GroupLost when the first host does not answer."""

    def __init__(self, place: GroupPlace) -> None:
        self.place = place
        with _losing_the_group(place):
            self._words = PrefixStore("ganymede", self._connected())

    def arrive(self, arrived: Arrived) -> None:
        """Say that this process is here; GroupLost where one of its number was here before."""
        rank = self.place.rank
        with _losing_the_group(self.place):
            if self._words.add(f"arrivals/{rank}", 1) > 1:
                raise GroupLost(
                    f"process {rank} of the group at {self.place.address}:{self.place.port} was here before: two "
                    "groups have one address and port, or a part of this group was started again alone; give each "
                    "group its own, and end and start all of a group"
                )
            self._words.add(f"pulse/{rank}", 1)
        self.put(f"arrived/{rank}", json.dumps(asdict(arrived)))

    def arrived(self) -> list[Arrived] | None:
        """Return who is here, by rank; None until all are."""
        found = [self.read(f"arrived/{rank}") for rank in range(self.place.size)]
        return [Arrived(**json.loads(text)) for text in found if text] if all(found) else None

    def beat(self) -> None:
        """Show that this process is alive."""
        with _losing_the_group(self.place):
            self._words.add(f"pulse/{self.place.rank}", 1)

    def pulses(self, ranks: Sequence[int]) -> list[int]:
        """Return how often each of the others, which have arrived, has beaten."""
        with _losing_the_group(self.place):
            return [int(count) for count in self._words.multi_get([f"pulse/{rank}" for rank in ranks])]

    def announce(self, run_id: str) -> int:
        """Tell the others the next run; return its number, from 1."""
        with _losing_the_group(self.place):
            number = int(self._words.add("runs", 1))
        self.put(f"run/{number}", run_id)
        return number

    def meeting(self, number: int) -> Store:
        """Where those who train the run of this number meet."""
        with _losing_the_group(self.place):
            return PrefixStore(f"ganymede-run-{number}", self._connected())

    def put(self, name: str, text: str = "") -> None:
        with _losing_the_group(self.place):
            self._words.set(name, text)

    def read(self, name: str) -> str | None:
        """Return what was put there; None: nothing so far."""
        with _losing_the_group(self.place):
            return self._words.get(name).decode() if self._words.check([name]) else None

    def has(self, name: str, within_s: float = 0.0) -> bool:
        """Return whether something was put there, now or within some seconds."""
        deadline = time.monotonic() + within_s
        while (found := self.read(name)) is None and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY_S)
        return found is not None

    def _connected(self) -> TCPStore:
        return TCPStore(self.place.address, self.place.port, is_master=False, timeout=ANSWER_WITHIN)


@contextlib.contextmanager
def _losing_the_group(place: GroupPlace) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # of torch.distributed: a connection was closed, or nothing came in time
        why = str(error).partition("\n")[0]
        raise GroupLost(f"the first host of the group, {place.address}:{place.port}, does not answer: {why}") from None
