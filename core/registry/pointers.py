"""aliases.json of a model: what its aliases mean, and what was published under it. Knows no folder and no store."""

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from core.machine.clock import timestamp
from core.store import Pointer
from ganymede.schemas.keys import KeyRef
from ganymede.schemas.references import LATEST

HISTORY_KEPT = 200  # moves of `latest`, and as many of all other aliases


class Move(BaseModel):
    """One entry of the history: an alias that was pointed elsewhere, or (`to` is null) removed."""

    model_config = ConfigDict(frozen=True, extra="allow")

    alias: str
    before: StrictInt | None = Field(alias="from")
    to: StrictInt | None
    at: str
    reason: str | None
    id: StrictInt = 0  # counts up from 1 with every move of the model; 0: an earlier build did not count


class Pointers(Pointer):
    """The record.

    published: the version of each publish key, also of versions that are gone. kept: versions that a run's retention
    leaves alone; an earlier build had none. history: moves of aliases, oldest first. doomed: versions
    that are gone, though their folders may still be there. made_by: the key that published
    its first version; None for a model that no key made, and for one that was deleted.
    """

    next_version: StrictInt
    aliases: dict[str, StrictInt]
    published: dict[str, StrictInt]
    kept: list[StrictInt] = Field(default_factory=list)
    doomed: list[StrictInt] = Field(default_factory=list, exclude_if=lambda doomed: not doomed)
    history: list[Move]
    made_by: KeyRef | None = Field(None, exclude_if=lambda key: key is None)

    @property
    def newest_move(self) -> int:
        return max((move.id for move in self.history), default=0)

    @classmethod
    def none(cls) -> "Pointers":
        """Of a model that was never published."""
        return cls(next_version=1, aliases={}, published={}, kept=[], history=[])

    def point(self, alias: str, version: int | None, reason: str | None) -> None:
        """Point `alias` to `version`, None: nowhere, and note that in the history."""
        before = self.aliases.pop(alias, None)
        if version is not None:
            self.aliases[alias] = version
        number = self.newest_move + 1
        entry = Move.model_validate(
            {"alias": alias, "from": before, "to": version, "at": timestamp(), "reason": reason, "id": number}
        )
        self.history = _newest_moves([*self.history, entry])


def _newest_moves(history: list[Move]) -> list[Move]:
    """Trim a history. Moves of `latest` count apart: publishes must not push out what people did."""
    of_latest = [index for index, move in enumerate(history) if move.alias == LATEST]
    by_hand = [index for index, move in enumerate(history) if move.alias != LATEST]
    staying = {*of_latest[-HISTORY_KEPT:], *by_hand[-HISTORY_KEPT:]}
    return [move for index, move in enumerate(history) if index in staying]
