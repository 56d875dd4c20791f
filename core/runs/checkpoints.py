"""Checkpoints as the worker leaves them and others find them: their names, their facts. Knows nothing of training.

`<branch>-<step>/generator/` holds exactly what a published version holds, and so does `classifier/` where the
discriminator is published too; the rest is the worker's own.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer

from core.errors import CheckpointNotFound, StoreDamaged
from core.machine.clock import timestamp
from core.refs import find_place
from core.registry import PublishKey, VersionManifest
from core.registry.manifest import MANIFEST_FILE
from core.resolved import ResolvedConfig
from core.runs import NewEvent, Run
from core.runs.states import RunState
from core.store import SCHEMA, files
from ganymede.schemas.references import BranchStep, parse_branch_step
from ganymede.schemas.states import Published

GENERATOR_FOLDER, CLASSIFIER_FOLDER = "generator", "classifier"
FACTS_FILE = "training.json"


class CheckpointFacts(BaseModel):
    """What others than the worker read of training.json."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    resolved: Annotated[ResolvedConfig, PlainSerializer(ResolvedConfig.to_json)]


@dataclass(frozen=True, slots=True)
class Checkpoint(BranchStep):
    """A checkpoint that was there when it was looked for. The trainer may delete it at any time."""

    run: Run

    @property
    def key(self) -> PublishKey:
        return PublishKey(self.run.id, self.branch, self.step)

    @property
    def folder(self) -> Path:
        return self.run.store.path(f"{self.run.checkpoints}/{self}")

    @property
    def generator(self) -> Path:
        return self.folder / GENERATOR_FOLDER

    def manifest(self) -> VersionManifest:
        """The manifest of its generator; CheckpointNotFound if it is gone, StoreDamaged if it cannot be used."""
        try:
            return VersionManifest.read(self.generator / MANIFEST_FILE)
        except FileNotFoundError:
            self.must_exist()
            raise StoreDamaged(f"checkpoint {self} of {self.run.id} has no manifest.json") from None

    def resolved(self) -> ResolvedConfig:
        """The numbers that it was trained by; FileNotFoundError, StoreDamaged or ValueError where it cannot be used."""
        return CheckpointFacts.model_validate(files.read_json(self.folder / FACTS_FILE, SCHEMA)).resolved

    def size(self) -> int:
        """Bytes of all its files."""
        return files.folder_size(self.folder)

    def must_exist(self) -> None:
        if not self.folder.exists():
            raise CheckpointNotFound(f"run {self.run.id} has no checkpoint {self} (any more); {_those_of(self.run)}")


def list_checkpoints(run: Run) -> list[Checkpoint]:
    """Return a run's checkpoints, newest first."""
    places = filter(None, map(parse_branch_step, run.store.names(run.checkpoints)))
    return sorted((Checkpoint(place.branch, place.step, run) for place in places), reverse=True)


def find_checkpoint(run: Run, asked: str) -> Checkpoint:
    """Find the checkpoint `asked` names: STEP (of the newest branch that has it), BRANCH-STEP, or `latest`."""
    found = find_place(list_checkpoints(run), asked)
    if found is None:
        raise CheckpointNotFound(f"run {run.id} has no checkpoint {asked}; {_those_of(run)}")
    return found


def note_published(run: Run, published: Published) -> bool:
    """Record a version in the run's state and event log; False if it is there already."""
    is_new = False

    def noted(now: RunState) -> RunState:
        nonlocal is_new
        is_new = (published.model, published.version) not in {(known.model, known.version) for known in now.published}
        return now.model_copy(update={"published": [*now.published, published]}) if is_new else now

    run.change(noted, news=NewEvent(type="published", data=published.model_dump()))
    return is_new


def publication(model: str, version: int, step: int) -> Published:
    """Return the record of a version published now."""
    return Published(model=model, version=version, step=step, at=timestamp())


def _those_of(run: Run) -> str:
    return f"there are: {', '.join(map(str, list_checkpoints(run))) or 'none'}"
