"""What the API tells its engine process, and what it answers: JSON beside blocks of bytes. Knows no socket.

A command that fails is answered by Failed; `load` and `drop` are answered by {}, `open` by the fields of Facts.
"""

from typing import Literal, NotRequired, TypedDict

from app.engine.batch import Precision, PrecisionChoice

TensorList = list[tuple[str, str, tuple[int, ...]]]  # name, number format as numpy writes it, shape


class OpenCommand(TypedDict):
    """Read a version, and settle how it is run."""

    do: Literal["open"]
    key: int
    folder: str
    manifest: str  # as JSON
    precision: PrecisionChoice


class LoadCommand(TypedDict):
    """Read a version again, with the settings that `open` found."""

    do: Literal["load"]
    key: int
    folder: str
    precision: Precision


class DropCommand(TypedDict):
    do: Literal["drop"]
    key: int


class DrawCommand(TypedDict):
    """Draw a batch; its tensors follow."""

    do: Literal["draw"]
    key: int
    bucket: int
    as_files: bool
    tensors: TensorList


class RefineCommand(TypedDict):
    """Take some more steps of a search; noise and moments of its draft follow, and the picture."""

    do: Literal["refine"]
    key: int
    folder: str
    label: int | None
    step: int  # that are made
    steps: int  # at most, in all
    distance: float
    tensors: TensorList


class Refined(TypedDict):
    """How far the draft is then; its noise and moments follow."""

    step: int
    distance: float
    tensors: TensorList


class Drawn(TypedDict):
    """A drawn batch; its pixels or numbers follow, or files of these sizes. dtype: as numpy writes it."""

    infer_s: float
    encode_s: float
    shape: tuple[int, ...]
    dtype: str
    sizes: NotRequired[list[int]]


class Failed(TypedDict):
    """Why a command failed; code: of a GanymedeError."""

    error: str
    code: str | None


Command = OpenCommand | LoadCommand | DropCommand | DrawCommand | RefineCommand
