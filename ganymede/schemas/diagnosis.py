"""What is said of how a run learns: a verdict in plain words, its numbers, what to change. Knows no rule and no files.

The rules are worker/diagnosis's; docs/diagnosis.md has them with their thresholds.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ganymede.schemas.states import Best


class Verdict(StrEnum):
    """How a run learns."""

    HEALTHY = "healthy"
    WARMING_UP = "warming_up"
    DISCRIMINATOR_OVERFITTING = "discriminator_overfitting"
    DISCRIMINATOR_TOO_STRONG = "discriminator_too_strong"
    EXPLODING = "exploding"
    MODE_COLLAPSE = "mode_collapse"
    LABEL_IGNORED = "label_ignored"
    STALLED = "stalled"
    MEMORISING = "memorising"
    SILENCE = "silence"


UNTROUBLED = (Verdict.HEALTHY, Verdict.WARMING_UP)
Trouble = Literal[  # every other verdict
    "discriminator_overfitting",
    "discriminator_too_strong",
    "exploding",
    "mode_collapse",
    "label_ignored",
    "stalled",
    "memorising",
    "silence",
]
Action = Literal["remedy", "alert", "pause", "rollback", "stop"]


class FrozenRecord(BaseModel):
    """Of a stored record; a field that a newer build added is kept out, not an error."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Advice(FrozenRecord):
    """One thing to change."""

    text: str
    field: str | None = Field(None, description="The option it is about, as in the request; null: it is about none.")
    value: Any = Field(None, description="What to set it to.")


class Diagnosis(FrozenRecord):
    """A verdict, and what it rests on."""

    verdict: Verdict
    summary: str = Field(description="The verdict in plain words, with its numbers.")
    numbers: dict[str, Annotated[float, Field(allow_inf_nan=False)]] = Field(
        default_factory=dict, description="What it rests on."
    )
    advice: tuple[Advice, ...] = Field((), description="What to change; the best first.")
    branch: int
    step: int = Field(description="Of the newest numbers it rests on.")
    since_step: int = Field(description="From where on this has been the verdict.")
    action: Action | Literal["end"] | None = Field(
        None, description="What was done about it, by the run's `stop`; end: the run ended early. null: nothing."
    )


class Change(FrozenRecord):
    """A number of a run that a remedy changes, by its name in `resolved`."""

    field: str
    before: Any = Field(description="What it was.")
    after: Any = Field(description="What the run goes on with.")


class Remedy(FrozenRecord):
    """A change of some numbers of a run, by which it goes on after a trouble. The shapes of its networks stay."""

    name: str = Field(description="seek_modes, regularise_discriminator, augment or lower_learning_rates.")
    why: str = Field(description="What it is to do.")
    changes: tuple[Change, ...]

    def in_words(self) -> str:
        """`regulariser r1_r2 (was none), penalty_weight 1 (was none)`"""
        return ", ".join(f"{each.field} {_shown(each.after)} (was {_shown(each.before)})" for each in self.changes)


class TakenRemedy(Remedy):
    """A remedy that a run took: it left a branch, and went on with another from an earlier step."""

    verdict: Verdict = Field(description="What it was taken against.")
    from_branch: int
    from_step: int
    branch: int
    step: int = Field(description="Where the new branch began; 0: the beginning.")


class EarlyEnd(FrozenRecord):
    """Why a run ended before its last step, with the best that it has made: one of `verdict`, `limit`, `patience`."""

    verdict: Verdict | None = Field(None, description="The trouble that came back.")
    limit: Literal["max_images", "max_duration"] | None = Field(None, description="The limit that was reached.")
    patience: int | None = Field(None, description="Evaluations in a row without a better score.")
    best: Best | None = Field(None, description="The best of its checkpoints by then; null: none was scored.")
    message: str
    step: int

    @property
    def reason(self) -> str | None:
        """In one word."""
        return self.verdict or self.limit or ("patience" if self.patience else None)


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "+".join(map(str, value)) or "none"
    return "none" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
