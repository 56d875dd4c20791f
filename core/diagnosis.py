"""What is said of how a run learns: a verdict in plain words, its numbers, what to change. Knows no rule and no files.

The rules are worker/diagnosis's; docs/diagnosis.md has them with their thresholds.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


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


UNTROUBLED = (Verdict.HEALTHY, Verdict.WARMING_UP)
Trouble = Literal[  # every other verdict
    "discriminator_overfitting",
    "discriminator_too_strong",
    "exploding",
    "mode_collapse",
    "label_ignored",
    "stalled",
    "memorising",
]
Action = Literal["alert", "pause", "rollback", "stop"]


class Part(BaseModel):
    """Of a stored record; a field that a newer build added is kept out, not an error."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Advice(Part):
    """One thing to change."""

    text: str
    field: str | None = Field(None, description="The option it is about, as in the request; null: it is about none.")
    value: Any = Field(None, description="What to set it to.")


class Diagnosis(Part):
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
    action: Action | None = Field(None, description="What was done about it, by the run's `stop`; null: nothing.")
