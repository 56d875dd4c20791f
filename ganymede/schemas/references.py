"""Names and references: `NAME`, `NAME@VERSION`, `NAME:ALIAS`, `run:ID@STEP`, BRANCH-STEP. Knows nothing of what they
point at.
"""

import re
from dataclasses import dataclass

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"
NAME_RULE = "lower-case letters, digits, '.', '_' and '-', 1 to 64 long, beginning with a letter or digit"
RUN = "run"  # `run:ID@STEP` names a checkpoint
RESERVED_MODEL_NAMES = frozenset({RUN})
LATEST = "latest"  # of a run: its newest checkpoint or grid; of a model: the alias that follows every publish
PRODUCTION = "production"  # an alias that moves only when somebody promotes; then NAME alone means it

_NAME = re.compile(NAME_PATTERN)
_MODEL = re.compile(r"(?P<name>[^@:]+)(?:@(?P<version>[1-9][0-9]{0,8})|:(?P<alias>[^@:]+))?")
_CHECKPOINT = re.compile(rf"{RUN}:(?P<run>[^@:]+)@(?P<step>[^@:]+)")
_BRANCH_STEP = re.compile(r"(\d{1,15})-(\d{1,15})", re.ASCII)
_STEP = re.compile(r"\d{1,15}", re.ASCII)


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

    @classmethod
    def parse(cls, text: str) -> "ModelRef":
        """ValueError where `text` is none of the three forms."""
        match = _MODEL.fullmatch(text)
        if match is None:
            raise ValueError(f"expected NAME, NAME@VERSION or NAME:ALIAS; got {text[:80]!r}")
        name = valid_model_name(match["name"])
        alias = valid_name(match["alias"]) if match["alias"] else None
        return cls(name, int(match["version"]) if match["version"] else None, alias)


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

    @classmethod
    def parse(cls, text: str) -> "RunRef":
        """ValueError where `text` is not `run:ID@STEP`."""
        match = _CHECKPOINT.fullmatch(text)
        if match is None or not is_step(match["step"]):
            form = f"expected {RUN}:RUN_ID@STEP with a step, BRANCH-STEP or {LATEST}"
            raise ValueError(f"{form}; got {text[:80]!r}")
        return cls(match["run"], match["step"])


Reference = ModelRef | RunRef


@dataclass(frozen=True, slots=True, order=True)
class BranchStep:
    """Where in a run something was made; names its grids and checkpoints. The newest is the largest."""

    branch: int
    step: int

    def __str__(self) -> str:
        return f"{self.branch}-{self.step}"


def valid_name(name: str) -> str:
    """Return `name` if it may name a model, dataset or alias; ValueError if not."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"a name is {NAME_RULE}; got {name[:80]!r}")
    return name


def valid_model_name(name: str) -> str:
    """As valid_name, and not one of the reserved model names."""
    if name in RESERVED_MODEL_NAMES:
        raise ValueError(f"{name!r} is reserved")
    return valid_name(name)


def parse_reference(text: str) -> Reference:
    """ValueError where `text` has none of the forms."""
    return RunRef.parse(text) if text.startswith(f"{RUN}:") else ModelRef.parse(text)


def parse_branch_step(text: str) -> BranchStep | None:
    """What `BRANCH-STEP` names; None for any other text."""
    match = _BRANCH_STEP.fullmatch(text)
    return BranchStep(int(match[1]), int(match[2])) if match else None


def is_step(text: str) -> bool:
    """Whether `text` asks for a step of a run: its number, BRANCH-STEP or `latest`."""
    return text == LATEST or any(form.fullmatch(text) for form in (_STEP, _BRANCH_STEP))
