"""A training group of two hosts, a torchrun each: one worker of two processes, and whatever becomes of them."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.queue import TrainQueue
from core.queue.reconcile import reconcile
from core.queue.snapshot import Group
from core.registry import Registry
from core.runs import Run, RunStore
from core.settings import Settings
from core.store import Store
from ganymede.schemas.states import Status
from tests.fixtures import until
from tests.processes import freeze, on_linux
from tests.worker.conftest import CreateRun, TrainHere
from tests.worker.processes.hosts import Hosts, namespaces
from tests.worker.processes.learnt import RATE, assert_learnt_alike

pytestmark = [pytest.mark.slow, on_linux]

R3GAN: dict[str, Any] = {"recipe": "r3gan", "report_every": 1, "precision": "float32"}
R3GAN |= {"generator_lr": RATE, "discriminator_lr": RATE}


@pytest.fixture
def hosts(settings: Settings, tmp_path: Path) -> Iterator[Hosts]:
    started = Hosts(settings, tmp_path)
    yield started
    started.close()


def ends(run: Run, queue: TrainQueue, hosts: Hosts) -> Status:
    """Wait for the end of a run, and reconcile meanwhile, as an API does."""

    def is_over() -> bool:
        reconcile(RunStore(run.store), queue)
        return run.state().status.is_terminal

    until(is_over, 120, hosts.said, every_s=0.3)
    return run.state().status


def test_a_group_learns_what_one_process_learns_and_takes_one_run_after_the_other(
    hosts: Hosts, create_run: CreateRun, train_here: TrainHere, blobs: str, queue: TrainQueue
) -> None:
    one, two = create_run(dataset=blobs, **R3GAN), create_run(dataset=blobs, **R3GAN)
    wrong = create_run(dataset=blobs, **R3GAN, processes=2)
    for run in (wrong, two):
        queue.enqueue(run.id, 1)
    train_here(one)

    hosts.start_both()
    status = ends(two, queue, hosts)

    assert status is Status.SUCCEEDED, hosts.said
    assert_learnt_alike(one, two)
    execution, failure = two.execution(), wrong.state().failure
    assert execution is not None
    assert (execution.processes, execution.hosts) == (2, 2)
    assert failure is not None
    assert failure.code == "wrong_worker"
    assert "resources.processes is 2" in failure.message
    (worker,) = queue.snapshot().workers
    assert worker.group == Group(processes=2, hosts=(os.uname().nodename,))

    hosts.processes[1].send_signal(signal.SIGTERM)  # the other host alone is told to end: all of the group does
    hosts.ended()
    assert "worker: the group ends: process 1 was told to end" in hosts.said_by(0).read_text()
    assert queue.snapshot().workers == []


@contextlib.contextmanager
def apart(hosts: Hosts, untried: str) -> Iterator[None]:
    """Each host in a network of its own; skips, and says what is not tried, where the machine does not allow it."""
    with contextlib.ExitStack() as stack:
        try:
            hosts.address, hosts.within = stack.enter_context(namespaces())
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"NO NETWORK NAMESPACES HERE, SO {untried}: {error}")
        yield


def test_two_hosts_of_a_network_of_their_own_learn_what_one_process_learns(
    hosts: Hosts, create_run: CreateRun, train_here: TrainHere, blobs: str, queue: TrainQueue
) -> None:
    one, two = create_run(dataset=blobs, **R3GAN), create_run(dataset=blobs, **R3GAN)
    queue.enqueue(two.id, 1)
    train_here(one)

    with apart(hosts, "NO GROUP OVER A NETWORK WAS TRIED"):
        hosts.start_both()
        status = ends(two, queue, hosts)
        (worker,) = queue.snapshot().workers
        hosts.close()

    assert status is Status.SUCCEEDED, hosts.said
    assert_learnt_alike(one, two)
    assert worker.group is not None
    assert len(set(worker.group.hosts)) == 2


LOSSES = ["the first trainer", "another trainer", "the first host", "one that stands still"]


@pytest.mark.parametrize("lost", LOSSES)
def test_a_group_that_lost_a_process_ends_and_goes_on_when_it_is_started_again(
    hosts: Hosts, create_run: CreateRun, queue: TrainQueue, store: Store, lost: str
) -> None:
    hosts.variables = {"GANYMEDE_STALL_AFTER": "4"} if lost == "one that stands still" else {}
    often = {"checkpoint_every": 10, "publish": {"every_steps": 40, "keep": 99}}
    run = create_run(recipe="r3gan", precision="float32", steps=120, **often)
    queue.enqueue(run.id, 1)
    hosts.start_both()
    until(lambda: run.state().checkpoint_step, 120, hosts.said)
    ranks = {"the first trainer": hosts.horse(), "another trainer": hosts.one(1, "worker.processes.rank")}

    if lost == "one that stands still":
        freeze(int(ranks["another trainer"] or 0))
    elif lost in ranks:
        os.kill(int(ranks[lost] or 0), signal.SIGKILL)
    else:
        hosts.kill_host(0)

    assert all(hosts.ended()), hosts.said
    assert not run.state().status.is_terminal
    hosts.start_both()
    assert ends(run, queue, hosts) is Status.SUCCEEDED, hosts.said
    state = run.state()
    assert state.attempt == 2
    assert [event.data.get("action") for event in run.events()].count("resumed") == 1
    registry, model = Registry(store), run.spec().model
    steps = [registry.manifest(model, version).step for version in registry.versions(model)]
    assert steps == [40, 80, 120]


def test_a_host_whose_cable_is_cut_is_found_by_both_sides(
    hosts: Hosts, create_run: CreateRun, queue: TrainQueue
) -> None:
    """Nothing tells of it: no connection is closed."""
    hosts.variables = {"GANYMEDE_STALL_AFTER": "4"}
    run = create_run(recipe="r3gan", precision="float32", steps=100_000, checkpoint_every=10)
    queue.enqueue(run.id, 1)
    with apart(hosts, "NO CABLE WAS CUT"):
        hosts.start_both()
        until(lambda: run.state().checkpoint_step, 120, hosts.said)

        other = hosts.within[1][3]
        subprocess.run(["ip", "-n", other, "link", "set", other, "down"], check=True)

        assert all(hosts.ended()), hosts.said
    reconcile(RunStore(run.store), queue)
    assert not run.state().status.is_terminal
    assert "worker: the group ends: an attempt was lost" in hosts.said_by(0).read_text()
    assert "the group ends: the first host of the group" in hosts.said_by(1).read_text()
