"""aliases.json of a model: what its aliases mean, and what was published under it. Knows no folder and no lock."""

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from ganymede.schemas.keys import KeyRef


class Move(BaseModel):
    """One entry of the history: an alias that was pointed elsewhere, or (`to` is null) removed."""

    model_config = ConfigDict(frozen=True, extra="allow")

    alias: str
    before: StrictInt | None = Field(alias="from")
    to: StrictInt | None
    at: str
    reason: str | None
    id: StrictInt = 0  # counts up from 1 with every move of the model; 0: an earlier build did not count


class Pointers(BaseModel):
    """The record. Changed under the model's lock alone.

    published: the version of each publish key, also of versions that are gone. kept: versions that a run's retention
    leaves alone; an earlier build had none. history: moves of aliases, oldest first. made_by: the key that published
    its first version; None for a model that no key made, and for one that was deleted.
    """

    next_version: StrictInt
    aliases: dict[str, StrictInt]
    published: dict[str, StrictInt]
    kept: list[StrictInt] = Field(default_factory=list)
    history: list[Move]
    made_by: KeyRef | None = Field(None, exclude_if=lambda key: key is None)

    @property
    def newest_move(self) -> int:
        return max((move.id for move in self.history), default=0)

    @classmethod
    def none(cls) -> "Pointers":
        """Of a model that was never published."""
        return cls(next_version=1, aliases={}, published={}, kept=[], history=[])
