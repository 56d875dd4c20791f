"""`python -m worker.processes.member`: one process of a training group, below torchrun. Watches, and trains nothing.

The first has the group's queue worker below it (worker/processes/first.py), which takes runs and trains with the
others; each of the others starts a process for every run that the first announces (worker/processes/rank.py). They show
on the group's board that they live. Whoever sees that one is lost says so there, and all of them end: who started the
group starts it again.
"""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable

from core.errors import RunNotFound, TrainingFailed
from core.log import configure_logging
from core.machine.group import read_place
from core.machine.lifeline import die_with_parent
from core.machine.processes import python_module
from core.network.interfaces import interface_towards
from core.runs import RunStore
from core.settings import Settings, load_settings
from core.store import Store
from worker.processes.board import END, OVER, Arrived, Board, GroupLost
from worker.processes.launch import GRACE_S, LOST_PEER, MODULE, OF_GROUP, OUT_OF_MEMORY, Process, how, started
from worker.training.execution import devices_of
from worker.training.stopping import STOP_SIGNALS, is_asked_by_signal, on_stop_signal

LOOK_EVERY_S = 0.5
COME_WITHIN_S = 300.0  # after the first, which torchrun starts when it has met the others
SILENT_AFTER_S = 30.0  # a process that looks about every half second
LONGEST_LOOK_S = 5.0  # that counts between two: this process may have been stopped itself
STORE_WITHIN_S = 10.0  # in which a new run shows on all hosts: what they keep of a folder may be some seconds old

log = logging.getLogger("worker.processes.member")


class Pulse:
    """Whether the others live."""

    def __init__(self, board: Board, ranks: Iterable[int], clock: Callable[[], float] = time.monotonic) -> None:
        self._board, self._ranks, self._clock = board, list(ranks), clock
        self._counts = board.pulses(self._ranks)
        self._still_s = [0.0] * len(self._ranks)
        self._looked_at = clock()

    def look(self) -> None:
        """Raises GroupLost where one has stood still for too long."""
        now = self._clock()
        passed_s, self._looked_at = min(now - self._looked_at, LONGEST_LOOK_S), now
        counts = self._board.pulses(self._ranks)
        for index, (count, before) in enumerate(zip(counts, self._counts, strict=True)):
            self._still_s[index] = self._still_s[index] + passed_s if count == before else 0.0
            if self._still_s[index] > SILENT_AFTER_S:
                raise GroupLost(f"process {self._ranks[index]} has shown no life for {self._still_s[index]:.0f} s")
        self._counts = counts


class GroupProcess:
    """What all processes of a group have in common. `child`: the process below this one."""

    def __init__(self, board: Board, device: str, settings: Settings) -> None:
        self.board, self.place, self.settings, self.device = board, board.place, settings, device
        self.child: Process | None = None
        self.is_over, self.why = False, ""  # once it is over because one was told to end
        self._has_asked = False
        self.looks = 0

    def look(self) -> None:
        """Called about every half second until `is_over`; raises GroupLost."""
        self.board.beat()
        self.looks += 1
        if is_asked_by_signal() and not self._has_asked:
            log.info("process %d is told to end, and with it the group", self.place.rank)
            self.board.put(END, f"process {self.place.rank} was told to end")
            self._has_asked = True
        self.why = self.board.read(END) or ""
        if reason := self.board.read(OVER):
            raise GroupLost(reason)

    def end_child(self) -> None:
        if self.child is not None:
            self.child.kill()
            self.child.wait()

    def _start(self, module: str, *arguments: object) -> None:
        interface = interface_towards(self.place.address, self.place.port)
        self.child = started(python_module(module, *arguments), interface)


class FirstProcess(GroupProcess):
    """Has the queue worker below it."""

    def __init__(self, board: Board, device: str, settings: Settings) -> None:
        super().__init__(board, device, settings)
        self._deadline = time.monotonic() + COME_WITHIN_S
        self._pulse: Pulse | None = None
        self._is_ending = False

    def look(self) -> None:
        super().look()
        if self._pulse is None:
            self._receive()
            return
        self._pulse.look()
        assert self.child is not None
        if not self._is_ending and self.why:
            self.child.send_signal(signal.SIGTERM)  # the run is checkpointed, and goes back into the queue
            self._is_ending = True
        status = self.child.poll()
        if status is None:
            return
        if status not in (0, -signal.SIGTERM) or not self._is_ending:
            raise GroupLost("an attempt was lost" if status == LOST_PEER else f"the queue worker {how(status)}")
        self.board.put(OVER)
        for rank in range(1, self.place.size):  # the board ends with the torchrun of this host
            self.board.has(f"left/{rank}", GRACE_S)
        self.is_over = True

    def end_child(self) -> None:
        """Give the queue worker some seconds to notice by itself that another is lost, and to take leave of Redis."""
        if self.child is not None:
            self.child.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(GRACE_S)
        super().end_child()

    def _receive(self) -> None:
        """Wait until all are here, then begin to take runs."""
        arrived = self.board.arrived()
        if arrived is None:
            if self.why:
                raise GroupLost(f"{self.why} before all had come")
            if time.monotonic() > self._deadline:
                raise GroupLost(f"not all {self.place.size} processes have come within {COME_WITHIN_S:.0f} s")
            return
        kinds = {each.device.partition(":")[0]: f"process {rank}" for rank, each in enumerate(arrived)}
        if len(kinds) > 1:
            found = ", ".join(f"{who} on {kind}" for kind, who in kinds.items())
            raise GroupLost(f"a group trains on devices of one kind, and this one has {found}: set GANYMEDE_DEVICE")
        self._pulse = Pulse(self.board, range(1, self.place.size))
        hosts = list(dict.fromkeys(each.host for each in arrived))
        log.info("a group of %d processes on %s", self.place.size, ", ".join(hosts))
        self._start("worker.processes.first", os.getpid(), self.place.size, *hosts)


class OtherProcess(GroupProcess):
    """Starts a process for each run that the first announces."""

    def __init__(self, board: Board, device: str, settings: Settings) -> None:
        super().__init__(board, device, settings)
        self._pulse: Pulse | None = None
        self._run_number = 1

    def look(self) -> None:
        super().look()
        if self._pulse is None:
            self._pulse = Pulse(self.board, [0]) if self.board.read("arrived/0") else None
        else:
            self._pulse.look()
        if self.child is None:
            self.is_over = self.board.has(OVER)
            if self.is_over:
                self.board.put(f"left/{self.place.rank}")
            elif run_id := self.board.read(f"run/{self._run_number}"):
                self._follow(run_id)
        elif (status := self.child.poll()) is not None:
            self._settle(status)

    def _follow(self, run_id: str) -> None:
        deadline = time.monotonic() + STORE_WITHIN_S
        runs = RunStore(Store(self.settings.store_path))
        while True:
            try:
                runs.get(run_id)
                break
            except RunNotFound:
                if time.monotonic() > deadline:
                    here = f"{socket.gethostname()}:{self.settings.store_path}"
                    raise GroupLost(f"{here} has no run {run_id}: all hosts of a group need one store") from None
                self.board.beat()
                time.sleep(LOOK_EVERY_S)
        place = self.place
        which = (
            run_id,
            os.getpid(),
            f"{OF_GROUP}{self._run_number}",
            place.rank,
            place.size,
            place.local_size,
            place.hosts,
        )
        self._start(MODULE, *which, self.device)

    def _settle(self, status: int) -> None:
        """Go on to the next run once the first says how this one ended; GroupLost where its process did not."""
        if status not in (0, LOST_PEER, OUT_OF_MEMORY):
            self.child = None
            raise GroupLost(f"process {self.place.rank} on {socket.gethostname()} {how(status)}")
        if status == OUT_OF_MEMORY:
            self.board.put(f"memory/{self._run_number}")
        if self.board.has(f"settled/{self._run_number}"):
            self.child = None
            self._run_number += 1


def _end_where_none_answers(member: GroupProcess) -> None:
    """In a thread: end this process, and with it the one below, when the first host does not answer a question.

    So it is where its machine or the network is gone: no connection is closed, and the kernel waits for a quarter of an
    hour. It counts its own naps, since this process may have been stopped itself.
    """
    looks, still_s = -1, 0.0
    while still_s < SILENT_AFTER_S:
        time.sleep(LOOK_EVERY_S)
        still_s = still_s + LOOK_EVERY_S if member.looks == looks else 0.0
        looks = member.looks
    at = f"{member.place.address}:{member.place.port}"
    log.error("the group ends: the first host of the group, %s, has not answered for %.0f s", at, SILENT_AFTER_S)
    os._exit(1)


def main() -> None:
    die_with_parent(os.getppid())
    for number in STOP_SIGNALS:
        signal.signal(number, on_stop_signal)
    settings, place = load_settings(), read_place()
    configure_logging(settings.log_format)
    assert place is not None
    try:
        device = devices_of(settings.device, place.local_size)[place.local_rank]
        board = Board(place)
        board.arrive(Arrived(socket.gethostname(), device))
    except (GroupLost, TrainingFailed) as error:
        sys.exit(f"worker: {error}")
    member = (FirstProcess if place.is_first else OtherProcess)(board, device, settings)
    threading.Thread(target=_end_where_none_answers, args=(member,), daemon=True).start()
    try:
        while not member.is_over:
            member.look()
            time.sleep(LOOK_EVERY_S)
    except GroupLost as lost:
        with contextlib.suppress(GroupLost):
            board.put(OVER, str(lost))
        member.end_child()
        sys.exit(f"worker: the group ends: {lost}")
    if not is_asked_by_signal():  # where a process ends well torchrun waits minutes for the other hosts
        sys.exit(f"worker: the group ends: {member.why}")


if __name__ == "__main__":
    main()
