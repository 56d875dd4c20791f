"""What the processes of a group tell one another, over a store as torchrun opens it; and which runs fit."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from torch._C._distributed_c10d import TCPStore

from core.errors import TrainingFailed
from core.machine.group import GroupPlace
from ganymede.supervisor import free_port
from tests.worker.conftest import CreateRun
from worker.processes.board import OVER, Arrived, Board, GroupLost
from worker.processes.leading import check
from worker.processes.member import Pulse

HERE = Arrived("here", "cpu")


@pytest.fixture
def place() -> Iterator[GroupPlace]:
    """The first of two, and the store of its torchrun."""
    port = free_port()
    store = TCPStore("127.0.0.1", port, is_master=True, wait_for_workers=False)
    yield GroupPlace(rank=0, size=2, local_rank=0, local_size=1, hosts=2, address="127.0.0.1", port=port)
    del store


def test_all_know_who_is_there_and_which_run_is_next(place: GroupPlace) -> None:
    first, other = Board(place), Board(replace(place, rank=1))

    first.arrive(HERE)
    assert first.arrived() is None
    other.arrive(Arrived("there", "cpu"))

    assert first.arrived() == [HERE, Arrived("there", "cpu")]
    assert [first.announce("one"), first.announce("two")] == [1, 2]
    assert [other.read(f"run/{number}") for number in (1, 2, 3)] == ["one", "two", None]
    first.put(OVER)
    assert (other.has(OVER), other.has("end")) == (True, False)


def test_a_second_group_at_one_address_is_refused(place: GroupPlace) -> None:
    for rank in (0, 1):
        Board(replace(place, rank=rank)).arrive(HERE)

    with pytest.raises(
        GroupLost, match=r"process 1 of the group at 127\.0\.0\.1:.* was here before: two groups have one"
    ):
        Board(replace(place, rank=1)).arrive(HERE)


def test_one_that_shows_no_life_is_lost(place: GroupPlace) -> None:
    boards = [Board(place), Board(replace(place, rank=1))]
    for board in boards:
        board.arrive(HERE)
    now = 0.0
    pulse = Pulse(boards[0], [1], clock=lambda: now)

    for _ in range(30):  # as long as it beats
        now += 4
        boards[1].beat()
        pulse.look()
    now += 1000  # this process was stopped itself: that says nothing of the other
    pulse.look()

    for _ in range(6):
        now += 4
        pulse.look()
    now += 4
    with pytest.raises(GroupLost, match="process 1 has shown no life for 33 s"):
        pulse.look()


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"processes": 2}, "resources.processes is 2, .* leave it out"),
        ({"batch_size": 15}, "a batch of 15 cannot be shared evenly by the 2"),
    ],
)
def test_a_run_that_does_not_fit_a_group_says_what_would(
    place: GroupPlace, create_run: CreateRun, asked: dict[str, int], why: str
) -> None:
    with pytest.raises(TrainingFailed, match=why) as failure:
        check(place, create_run(**asked).spec().resolved)

    assert failure.value.code == "wrong_worker"
    check(place, create_run().spec().resolved)


def test_a_worker_with_half_of_torchruns_variables_says_so_and_ends() -> None:
    command = [sys.executable, "-m", "worker"]
    environment = {**os.environ, "WORLD_SIZE": "2"}

    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert ended.stderr.startswith(
        "worker: WORLD_SIZE is set and RANK is not: a training group is started by `torchrun"
    )
    assert ended.stderr.count("\n") == 1
