"""`python -m worker.processes.rank RUN PARENT MEETING RANK SIZE LOCAL_SIZE HOSTS DEVICE`: trains a run with others.

The first process reports, draws, checkpoints, publishes and settles the run; the others only train. On one machine
worker/processes/launch.py starts and watches all of them, and their output is the run's log; in a group
worker/processes/member.py starts the others. Knows nothing of the queue.
"""

import argparse
import contextlib
import logging
import signal
import sys
from pathlib import Path

import torch

from core.log import about_run, configure_logging
from core.machine.group import read_place
from core.machine.lifeline import die_with_parent
from core.runs import Run, RunStore
from core.settings import Settings, load_settings
from core.store import Store
from worker.hooks.log_events import WarningsAsEvents
from worker.job import attempt, train_in
from worker.processes.board import Board
from worker.processes.launch import LOST_PEER, OF_GROUP, OUT_OF_MEMORY
from worker.training.distributed import Meeting, Over, PeerLost, World, joined
from worker.training.stopping import STOP_SIGNALS, on_stop_signal

log = logging.getLogger("worker.processes.rank")


def main(place: argparse.Namespace) -> int:
    """Return the exit status: 0 unless the attempt is lost."""
    die_with_parent(place.parent)
    for number in STOP_SIGNALS:
        signal.signal(number, on_stop_signal)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    settings = load_settings().model_copy(update={"device": place.device})
    configure_logging(settings.log_format, of_one_run=True)
    run = RunStore(Store(settings.store_path)).get(place.run)
    try:
        with about_run(run.id):
            if place.rank == 0:
                logging.getLogger().addHandler(WarningsAsEvents(run))
                attempt(run, lambda: _train(place, run, settings))
            else:
                with contextlib.suppress(Over):
                    _train(place, run, settings)
    except PeerLost as error:
        log.info("process %d of %d lost another: %s", place.rank, place.size, error)
        return LOST_PEER
    except (torch.OutOfMemoryError, MemoryError):
        log.exception("process %d of %d has not enough memory", place.rank, place.size)
        return OUT_OF_MEMORY
    return 0


def _train(place: argparse.Namespace, run: Run, settings: Settings) -> str:
    alone = World(place.rank, place.size, local_size=place.local_size, hosts=place.hosts)
    with joined(alone, _meeting(place.meeting), torch.device(place.device)) as world:
        return train_in(world, run, run.spec(), settings)


def _meeting(text: str) -> Meeting:
    if not text.startswith(OF_GROUP):
        return Path(text)
    group = read_place()
    assert group is not None
    return Board(group).meeting(int(text.removeprefix(OF_GROUP)))


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m worker.processes.rank")
    parser.add_argument("run")
    parser.add_argument("parent", type=int, help="the process that watches this one, and with which it ends")
    parser.add_argument("meeting", help="the file in which all meet; in a group `group:` and the number of the run")
    parser.add_argument("rank", type=int)
    parser.add_argument("size", type=int)
    parser.add_argument("local_size", type=int, help="how many share the cores of this host")
    parser.add_argument("hosts", type=int)
    parser.add_argument("device")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main(read_arguments()))
