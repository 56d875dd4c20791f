"""Answers about models and datasets: what can be drawn from, and what can be trained on. Knows no HTTP."""

from typing import Any

from pydantic import BaseModel, Field

from ganymede.schemas.keys import KeyRef
from ganymede.schemas.sound import AudioFormat
from ganymede.schemas.tasks import Medium, VersionTask


class EngineFacts(BaseModel):
    """How one version is drawn here."""

    device: str = Field(examples=["cpu", "cuda"])
    precision: str = Field(examples=["float32", "bfloat16"])
    buckets: list[int] = Field(description="Batch sizes it is run in.", examples=[[4, 16, 64]])
    bucket_seconds: dict[int, float] = Field(
        default_factory=dict, description="How long a batch of each size takes, as measured when it was loaded."
    )
    images_per_second: float = Field(description="Of full batches, as measured.")
    bytes: int = Field(description="What its weights take of GANYMEDE_MODEL_MEMORY.")


class VersionBody(BaseModel):
    """One published version."""

    model: str
    version: int
    step: int
    run: str = Field(description="The run that trained it; of an imported one, the run it came from.")
    recipe: str
    task: str = Field(VersionTask.GENERATION, description="What it is for.", examples=[*VersionTask])
    medium: str = Field(Medium.IMAGE, description="What it makes.", examples=[*Medium])
    audio: AudioFormat | None = Field(None, description="How its sounds are drawn; null: it makes pictures.")
    dataset: dict[str, Any]
    labels: list[str]
    default_labels: list[int] | None = Field(
        None, description="Indices of the labels that had pictures, which alone are drawn unasked; null: all of them."
    )
    image_size: int
    channels: int
    latent_dim: int
    metrics: dict[str, float | None]
    confusion: list[list[int]] | None = Field(
        None, description="Of a classifier: by true class how often each class was named, in its test. null: not known."
    )
    init: dict[str, str] | None = Field(None, description="Reference and digest of the weights its run started from.")
    digest: str
    bytes: int
    made_by: KeyRef | None = Field(
        None, description="The key that asked for its run, or imported it; null: none was needed then."
    )
    created_at: str
    is_loaded: bool = Field(description="Whether this process has it in memory.")
    loaded: EngineFacts | None = Field(None, description="How it is drawn here; null: it is not in memory.")
    problem: str | None = Field(description="Why it cannot be served; null when it can, or nobody tried.")
    links: dict[str, str]


class ModelSummary(BaseModel):
    """A model by its name and aliases."""

    name: str
    aliases: dict[str, int]
    newest_version: int
    served_version: int | None = Field(description="What the name alone draws from here and now; null: not loaded.")
    task: str | None = Field(
        None, description="What its newest version is for; null: that cannot be read.", examples=[*VersionTask]
    )
    medium: str | None = Field(
        None, description="What its newest version makes; null: that cannot be read.", examples=[*Medium]
    )


class ModelBody(ModelSummary):
    """A model with its versions, newest first."""

    made_by: KeyRef | None = Field(None, description="The key that made its first version; null: none was needed then.")
    versions: list[VersionBody]
    loaded: dict[int, EngineFacts] = Field(
        default_factory=dict, description="How each version that is in memory is drawn here."
    )
    damaged_versions: dict[int, str] = Field(description="Versions whose files cannot be used, and why.")


class AliasBody(BaseModel):
    """Where an alias points; its ETag is the version in quotes."""

    alias: str = Field(examples=["production"])
    version: int
    previous: int | None = Field(description="Where it pointed before; null: nowhere.")
    changed_at: str | None
    reason: str | None


class AliasMove(BaseModel):
    """One entry of an alias's history."""

    alias: str
    version: int | None = Field(description="null: the alias was removed.")
    previous: int | None
    at: str
    reason: str | None


class DatasetBody(BaseModel):
    """Images of one size, or clips of one length, with or without classes."""

    name: str
    version: str
    digest: str
    count: int
    height: int
    width: int
    channels: int
    class_names: list[str]
    class_counts: list[int]
    source: str
    licence: str | None
    attribution: str | None
    made_by: KeyRef | None = Field(None, description="The key that imported it first; null: none was needed then.")
    created_at: str
    medium: str = Field(Medium.IMAGE, description="What is in it.", examples=[*Medium])
    audio: AudioFormat | None = Field(None, description="How its sounds are kept as pictures; null: it has none.")
    bytes: int | None = Field(None, description="Of its files on the disk.")
    mean: list[float] | None = Field(None, description="Of each channel, 0 to 1.")
    std: list[float] | None = Field(None, description="Standard deviation of each channel.")
    duplicates: int | None = Field(None, description="Images that are equal to another one, every pixel.")
    options: dict[str, str] | None = Field(None, description="How it was imported; null: it came with the package.")
    versions: list[str] = Field([], description="What was imported under this name, and is still there.")
    links: dict[str, str] = {}


class BadFile(BaseModel):
    """A file that was not taken."""

    name: str
    reason: str


class ImportReport(BaseModel):
    """What became of the files of an upload."""

    kind: str = Field(examples=["pictures", "sounds", "idx", "npz"])
    files: int = Field(description="Files of an archive, or images of arrays.")
    taken: int
    bad: int = Field(description="Files that could not be taken.")
    bad_files: list[BadFile] = Field(description="The first 200 of them, and why.")
    ignored: int = Field(description="Hidden files, those that a file manager leaves, and metadata that was read.")
    enlarged: int = Field(description="Pictures that were smaller than the size.")
    notes: list[str] = Field(
        [],
        description="What was settled that a sender might not expect: splits that were joined, metadata that was read, "
        "names that could not be decoded, what counts as white, sounds that are clipped, mixed or cut.",
    )


class ImportedDataset(DatasetBody):
    """A dataset as an import left it."""

    change: str = Field(
        description="created; unchanged: these very images are its current version now, and were here already; "
        "repaired: they were, but damaged.",
        examples=["created", "unchanged", "repaired"],
    )
    report: ImportReport
