"""This process's place in a training group, as torchrun tells it. Knows nothing of what a group does."""

import os
from dataclasses import dataclass

NUMBERS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE", "MASTER_PORT")
NEEDED = (*NUMBERS, "MASTER_ADDR", "TORCHELASTIC_USE_AGENT_STORE")
SIGNS = ("WORLD_SIZE", "RANK")  # of a group, be it a whole one or not

HOW = "a training group is started by `torchrun --rdzv-backend static`, as docs/scaling.md shows"


class GroupError(ValueError):
    """The variables of torchrun cannot be used; the text names them and says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPlace:
    """Which of the processes of a group this is. address, port: of the store that torchrun opens on the first host."""

    rank: int
    size: int
    local_rank: int
    local_size: int
    hosts: int
    address: str
    port: int

    @property
    def is_first(self) -> bool:
        return self.rank == 0


def read_place() -> GroupPlace | None:
    """Return this process's place; None outside a group, and for a group of one. Raises GroupError."""
    given = {name: os.environ[name] for name in NEEDED if os.environ.get(name)}
    if not set(SIGNS) & given.keys():
        return None
    if missing := [name for name in NEEDED if name not in given]:
        there = next(name for name in SIGNS if name in given)
        raise GroupError(f"{there} is set and {missing[0]} is not: {HOW}; for a worker of one process unset {there}")
    if given["TORCHELASTIC_USE_AGENT_STORE"] != "True":
        raise GroupError(f"torchrun keeps no store for this group: {HOW}")
    if os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0") != "0":
        raise GroupError(
            "--max-restarts has to be 0: a group that lost a process ends, and who started it starts it again"
        )
    if wrong := [name for name in NUMBERS if not (given[name].isascii() and given[name].isdecimal())]:
        raise GroupError(f"{wrong[0]} is no number: {HOW}")
    place = GroupPlace(
        rank=int(given["RANK"]),
        size=int(given["WORLD_SIZE"]),
        local_rank=int(given["LOCAL_RANK"]),
        local_size=int(given["LOCAL_WORLD_SIZE"]),
        hosts=int(given["GROUP_WORLD_SIZE"]),
        address=given["MASTER_ADDR"],
        port=int(given["MASTER_PORT"]),
    )
    return place if place.size > 1 else None
