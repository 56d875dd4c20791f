"""Names and references: `NAME`, `NAME@VERSION`, `NAME:ALIAS`, `run:ID@STEP`. Knows nothing of what they point at."""

import re
from dataclasses import dataclass

from core import steps
from core.errors import InvalidRequest

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"
NAME_RULE = "lower-case letters, digits, '.', '_' and '-', 1 to 64 long, beginning with a letter or digit"
RUN = "run"  # `run:ID@STEP` names a checkpoint
RESERVED_MODEL_NAMES = frozenset({RUN})

_NAME = re.compile(NAME_PATTERN)
_REFERENCE = re.compile(r"(?P<name>[^@:]+)(?:@(?P<version>[1-9][0-9]{0,8})|:(?P<alias>[^@:]+))?")
_RUN_REFERENCE = re.compile(rf"{RUN}:(?P<run>[^@:]+)@(?P<step>[^@:]+)")


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A parsed model reference: at most one of `version` and `alias`; with neither, what the name means now."""

    name: str
    version: int | None = None
    alias: str | None = None

    def __str__(self) -> str:
        if self.version is not None:
            return f"{self.name}@{self.version}"
        return f"{self.name}:{self.alias}" if self.alias else self.name

    @property
    def is_pinned(self) -> bool:
        return self.version is not None


@dataclass(frozen=True, slots=True)
class RunRef:
    """A parsed reference to a checkpoint: a step (of the newest branch that has it), BRANCH-STEP, or `latest`."""

    run: str
    step: str

    def __str__(self) -> str:
        return f"{RUN}:{self.run}@{self.step}"

    @property
    def is_pinned(self) -> bool:
        """Never: a checkpoint is a run's to delete, and a step alone may come to mean one of a newer branch."""
        return False


Reference = ModelRef | RunRef


def check_name(name: str, pointer: str) -> str:
    """Return `name` if it may name a model, dataset or alias; raise InvalidRequest at `pointer` if not."""
    if not _NAME.fullmatch(name):
        raise InvalidRequest.field(pointer, f"a name is {NAME_RULE}; got {name[:80]!r}")
    return name


def check_model_name(name: str, pointer: str) -> str:
    """As check_name, and not one of the reserved model names."""
    if name in RESERVED_MODEL_NAMES:
        raise InvalidRequest.field(pointer, f"{name!r} is reserved")
    return check_name(name, pointer)


def parse_model_ref(text: str, pointer: str = "model") -> ModelRef:
    """Parse a reference; raise InvalidRequest at `pointer` when it is none of the three forms."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise InvalidRequest.field(pointer, f"expected NAME, NAME@VERSION or NAME:ALIAS; got {text[:80]!r}")
    name = check_model_name(match["name"], pointer)
    alias = check_name(match["alias"], pointer) if match["alias"] else None
    return ModelRef(name, int(match["version"]) if match["version"] else None, alias)


def parse_reference(text: str, pointer: str = "model") -> Reference:
    """Parse a reference of any form; raise InvalidRequest at `pointer` when it is of none."""
    if not text.startswith(f"{RUN}:"):
        return parse_model_ref(text, pointer)
    match = _RUN_REFERENCE.fullmatch(text)
    if match is None or not steps.is_asked(match["step"]):
        form = f"expected {RUN}:RUN_ID@STEP with a step, BRANCH-STEP or {steps.LATEST}"
        raise InvalidRequest.field(pointer, f"{form}; got {text[:80]!r}")
    return RunRef(match["run"], match["step"])
