"""manifest.json of a version: where its generator comes from, what it draws, which files hold it. Knows no folder."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from core.store.record import Listed, Record
from ganymede.schemas.keys import KeyRef
from ganymede.schemas.sound import AudioFormat
from ganymede.schemas.tasks import Medium, VersionTask

MANIFEST_FILE = "manifest.json"
GENERATION, IMAGE, FIRST_REVISION = VersionTask.GENERATION, Medium.IMAGE, 1  # what a manifest means that does not say


@dataclass(frozen=True, slots=True)
class PublishKey:
    """What makes a publish the same publish: a repeat with this key is a no-op.

    again: of what had been published before, and is to be the newest version once more.
    """

    run: str
    branch: int
    step: int
    again: bool = False

    def __str__(self) -> str:
        return f"{self.run}/{self.branch}/{self.step}" + ("/again" if self.again else "")


class LearntFrom(BaseModel):
    """The dataset that a generator was trained on."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    name: str
    version: str | None = None
    digest: str | None = None
    licence: str | None = None
    attribution: str | None = None
    options: dict[str, str] | None = Field(None, exclude_if=lambda options: options is None)  # how it was imported


class StartedFrom(BaseModel):
    """The weights that its run started from."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    reference: str
    digest: str


class VersionManifest(Record):
    """The record.

    task, medium: words of ganymede/schemas/tasks.py, or of a newer build. audio: how its sounds are drawn. revision: of
    its architecture; one of an earlier build does not say, and leaves it to the weights. default_labels: classes drawn
    unasked; None: all of them. confusion: of a classifier: by true class how often each class was named, in its test.
    made_by: the key that asked for its run, or imported it.
    """

    run: str
    branch: int
    step: int
    images_seen: int
    recipe: str
    task: str = Field(GENERATION, exclude_if=lambda task: task == GENERATION)
    medium: str = Field(IMAGE, exclude_if=lambda medium: medium == IMAGE)
    audio: AudioFormat | None = Field(None, exclude_if=lambda audio: audio is None)
    architecture: str
    revision: int = Field(FIRST_REVISION, exclude_if=lambda revision: revision == FIRST_REVISION)
    image_size: int
    channels: int
    latent_dim: int
    noise: str
    labels: list[str]
    default_labels: list[int] | None = None
    dataset: LearntFrom
    metrics: dict[str, int | float | None]
    confusion: list[list[int]] | None = Field(None, exclude_if=lambda confusion: confusion is None)
    init: StartedFrom | None = None
    made_by: KeyRef | None = Field(None, exclude_if=lambda key: key is None)
    created_at: str
    digest: str
    files: Listed

    @property
    def measured(self) -> dict[str, float]:
        """The metrics that have a value."""
        return {name: value for name, value in self.metrics.items() if value is not None}

    @property
    def key(self) -> PublishKey:
        return PublishKey(self.run, self.branch, self.step)
