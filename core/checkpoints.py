"""Checkpoints as the worker leaves them and others find them: their names, their facts. Knows nothing of training.

`<branch>-<step>/generator/` holds exactly what a published version holds; the rest is the worker's own.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import files
from core.errors import CheckpointNotFound, InvalidRequest, StoreDamaged
from core.registry import PublishKey, timestamp
from core.runs import Run
from core.states import Published, RunState
from core.store import SCHEMA

GENERATOR_FOLDER = "generator"
NEWEST = "latest"

_NAME = re.compile(r"\d+-\d+", re.ASCII)
_ASKED = re.compile(r"(?:\d{1,9}-)?\d{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that was there when it was looked for. The trainer may delete it at any time."""

    run: Run
    branch: int
    step: int

    def __str__(self) -> str:
        return f"{self.branch}-{self.step}"

    @property
    def key(self) -> PublishKey:
        return PublishKey(self.run.id, self.branch, self.step)

    @property
    def folder(self) -> Path:
        return self.run.store.path(f"{self.run.checkpoints}/{self}")

    @property
    def generator(self) -> Path:
        return self.folder / GENERATOR_FOLDER

    def manifest(self) -> dict[str, Any]:
        """The manifest of its generator; CheckpointNotFound if it is gone, StoreDamaged if it cannot be used."""
        try:
            return files.read_json(self.generator / "manifest.json", SCHEMA)
        except FileNotFoundError:
            self.must_exist()
            raise StoreDamaged(f"checkpoint {self} of {self.run.id} has no manifest.json") from None

    def size(self) -> int:
        """Bytes of all its files."""
        return files.folder_size(self.folder)

    def must_exist(self) -> None:
        if not self.folder.exists():
            raise CheckpointNotFound(f"run {self.run.id} has no checkpoint {self} (any more); {_those_of(self.run)}")


def list_checkpoints(run: Run) -> list[str]:
    """Names of a run's checkpoints, newest first."""
    names = [name for name in run.store.names(run.checkpoints) if _NAME.fullmatch(name)]
    return sorted(names, key=_numbers, reverse=True)


def checkpoints(run: Run) -> list[Checkpoint]:
    """A run's checkpoints, newest first."""
    return [Checkpoint(run, *_numbers(name)) for name in list_checkpoints(run)]


def find_checkpoint(run: Run, asked: str) -> Checkpoint:
    """The checkpoint `asked` names: STEP (of the newest branch that has it), BRANCH-STEP, or `latest`."""
    if asked != NEWEST and not _ASKED.fullmatch(asked):
        raise InvalidRequest.field("step", f"a step, BRANCH-STEP or {NEWEST!r}; got {asked[:80]!r}")
    for checkpoint in checkpoints(run):
        if asked in (NEWEST, str(checkpoint), str(checkpoint.step)):
            return checkpoint
    raise CheckpointNotFound(f"run {run.id} has no checkpoint {asked}; {_those_of(run)}")


def note_published(run: Run, published: Published) -> bool:
    """Put a version into the run's record and its event log; False if it is there already."""
    is_new = False

    def noted(now: RunState) -> RunState:
        nonlocal is_new
        is_new = (published.model, published.version) not in {(known.model, known.version) for known in now.published}
        return now.model_copy(update={"published": [*now.published, published]}) if is_new else now

    run.change(noted)
    if is_new:
        run.log_event("published", published.model_dump())
    return is_new


def publication(model: str, version: int, step: int) -> Published:
    """The record of a version that was published now."""
    return Published(model=model, version=version, step=step, at=timestamp())


def _those_of(run: Run) -> str:
    return f"there are: {', '.join(list_checkpoints(run)) or 'none'}"


def _numbers(name: str) -> tuple[int, int]:
    branch, _, step = name.partition("-")
    return int(branch), int(step)
