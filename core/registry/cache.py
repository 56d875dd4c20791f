"""What a model's name means, remembered while its folder stays as it was. Knows no lock and no file of a version.

Of files two stats tell whether a folder of any number of versions changed: a version that appears or goes, and
aliases.json when it is replaced, each change the folder's time; aliases.json written in place changes its own.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from core.errors import StoreDamaged
from core.store import Repository, Stamp
from ganymede.schemas.keys import KeyRef

SETTLED_AFTER_S = 2.0  # a clock of files may stand still for so long: until then a stamp may hide a second change


@dataclass(frozen=True, slots=True)
class CachedModel:
    """Newest version and aliases of a model, and the key that made it. `problem`: why its aliases cannot be read.

    task, medium: of the newest version; None: its manifest cannot be read.
    """

    newest: int | None  # version; None: there is no such model
    aliases: dict[str, int]
    made_by: KeyRef | None = None
    problem: StoreDamaged | None = None
    task: str | None = None
    medium: str | None = None


class RegistryCache:
    """What is known of the models of one store. Safe for many threads; as large as there are models."""

    def __init__(self, store: Repository) -> None:
        self.store = store
        self._known: dict[str, tuple[Stamp, CachedModel]] = {}

    def get(self, name: str, read: Callable[[str], CachedModel]) -> CachedModel:
        """Return what is known of a model; call `read` if something may have changed."""
        stamp = self.stamp(name)
        known = self._known.get(name)
        if known is not None and known[0] == stamp:
            return known[1]
        is_final = is_settled(stamp)  # asked before the look: afterwards a change under its hands would pass
        model = read(name)
        if is_final and model.newest is not None and model.problem is None:
            self._known[name] = (stamp, model)
        else:
            self._known.pop(name, None)
        return model

    def stamp(self, name: str) -> Stamp:
        """Return a stamp: nothing changed between two equal, settled ones."""
        return self.store.stamp(pointers_key(name))


def pointers_key(name: str) -> str:
    return f"models/{name}/aliases.json"


def is_settled(stamp: Stamp) -> bool:
    """Return whether no later change can have the same stamp."""
    return all(facts is not None and time.time() - facts[1] / 1e9 > SETTLED_AFTER_S for facts in stamp)
