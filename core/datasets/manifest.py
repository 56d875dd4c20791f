"""manifest.json of a dataset: what is in it, where it comes from, which files hold it. Knows no folder."""

from pydantic import Field

from core.store import Listed, Record
from ganymede.schemas.sound import AudioFormat
from ganymede.schemas.tasks import Medium


class DatasetManifest(Record):
    """The record. mean, std: of each channel, from 0 to 1. duplicates: images that are equal to an earlier one.

    medium, audio: whether these are sounds, and how they are kept. options: how it was imported. An earlier build
    measured nothing, and noted no options.
    """

    count: int
    height: int
    width: int
    channels: int
    class_names: list[str]
    class_counts: list[int]
    mean: list[float] | None = None
    std: list[float] | None = None
    duplicates: int | None = None
    medium: str = Field(Medium.IMAGE, exclude_if=lambda medium: medium == Medium.IMAGE)
    audio: AudioFormat | None = Field(None, exclude_if=lambda audio: audio is None)
    options: dict[str, str] | None = Field(None, exclude_if=lambda options: options is None)
    name: str
    version: str
    digest: str
    source: str
    licence: str | None
    attribution: str | None
    created_at: str
    files: Listed
