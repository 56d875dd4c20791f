"""`python -m tests.worker.decided MEETING RANK SIZE [SECONDS]`: the first of several processes decides several things,
or does something that takes longer than SECONDS, the timeout; prints what became of it, a line of JSON each."""

import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import torch

from worker.training import distributed
from worker.training.distributed import World, joined
from worker.training.stopping import RollBack, StopTraining


def back() -> None:
    raise RollBack("mode_collapse: drôle", failure="collapsed", to_best=True, before=7)


def pause() -> None:
    raise StopTraining("pause")


def outcome(world: World, action: Callable[[], None]) -> object:
    try:
        world.lead(action)
    except (RollBack, StopTraining) as end:
        return [type(end).__name__, vars(end)]
    return "done"


def main(meeting: Path, rank: int, size: int, timeout_s: float) -> None:
    actions: list[Callable[[], None]] = [lambda: None, back, pause]
    if timeout_s:
        distributed.TIMEOUT = timedelta(seconds=timeout_s)
        actions = [lambda: time.sleep(1.5 * timeout_s)]
    with joined(World(rank, size), meeting, torch.device("cpu")) as world:
        for action in actions:
            sys.stdout.write(json.dumps(outcome(world, action)) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float([*sys.argv, "0"][4]))
