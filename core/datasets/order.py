"""What is asked of an import (the files, how they become images, the limits), and what its process answers."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, field_validator

from core.datasets.names import check_encoding
from core.errors import FieldProblem
from core.keys import ANYONE, Asker
from ganymede.schemas.bodies import StrictModel
from ganymede.schemas.models import ImportReport
from ganymede.schemas.specs import Name

SIZES = (16, 28, 32, 56, 64, 112, 128, 224, 256)  # px; 4 or 7 times a power of two, as networks draw them
AUTO_SIZES = tuple(size for size in SIZES if size <= 64)  # a larger one takes long to learn: it is asked for
MAX_TEXT = 500
AUTO: Literal["auto"] = "auto"
OF_PICTURES, OF_SOUNDS = ("size", "crop", "channels", "background"), ("seconds",)  # options

Text = Annotated[str, Field(max_length=MAX_TEXT)]
Size = Literal["auto", "16", "28", "32", "56", "64", "112", "128", "224", "256"]


class ImportForm(StrictModel):
    """The parts of an upload beside its files; texts, as a form has them."""

    name: Name
    size: Size = Field(
        AUTO,
        description="Pixels a side. auto: images that all have one size networks can draw stay as they are; else the "
        "largest of 16, 28, 32, 56 and 64 that the shorter side of at least half of the pictures has.",
    )
    crop: Literal["centre", "none"] = Field(
        "centre", description="What of a picture is no square is cut off on both sides; none: nothing, it gets margins."
    )
    channels: Literal["auto", "1", "3"] = Field(AUTO, description="auto: 1 if every pixel is grey, else 3.")
    background: Literal["white", "black"] = Field(
        "white", description="What shines through transparent pixels, and what margins are filled with."
    )
    seconds: Literal["1"] = Field(
        "1",
        description="Of sounds: how long each clip becomes. Networks draw squares, and one second is a square of 64 "
        "bands and 64 columns.",
    )
    encoding: str | None = Field(
        None,
        max_length=40,
        description="Encoding of names, and of metadata, that are not in UTF-8 and do not tell theirs; without it such "
        "a name is shown escaped.",
        examples=["cp932", "gbk", "cp1252", "cp437"],
    )
    source: Text | None = Field(None, description="Where the pictures come from. Default: the name of the file.")
    licence: Text | None = Field(None, description="Under which licence, as SPDX names it.", examples=["CC-BY-4.0"])
    attribution: Text | None = Field(None, description="Whom to name.")

    @field_validator("encoding")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        return None if name is None else check_encoding(name)


class Limits(StrictModel):
    """What one import may not exceed."""

    files: int = Field(description="Files of an archive.")
    bytes: int = Field(description="Bytes that an upload unpacks to, and bytes of the images that it becomes.")
    pixels: int = Field(description="Pixels of one picture.")
    seconds: float = Field(60.0, description="Length of one sound.")


class Upload(StrictModel):
    """A file that was received: where it lies, and what its sender called it."""

    path: Path
    filename: str


class ImportOrder(StrictModel):
    """All that an import needs. `asker`: who sent it."""

    form: ImportForm
    files: tuple[Upload, ...]
    limits: Limits
    asker: Asker = ANYONE


class ImportProgress(StrictModel):
    """How far an import is."""

    phase: str
    done: int
    total: int


class Imported(StrictModel):
    """The version that an import made or found."""

    dataset: str
    version: str
    change: str
    report: ImportReport


class ImportRefused(StrictModel):
    """Why an upload cannot be used."""

    detail: str
    problems: tuple[FieldProblem, ...]


class ImportForbidden(StrictModel):
    """Another key has made a dataset of this name meanwhile."""

    forbidden: str


class DiskFailed(StrictModel):
    """The error of the store's disk that ended an import."""

    errno: int


ImportEnd = Imported | ImportRefused | ImportForbidden | DiskFailed
SAID: TypeAdapter[ImportProgress | ImportEnd] = TypeAdapter(ImportProgress | ImportEnd)  # a line of the process
