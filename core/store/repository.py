"""What a registry asks of a store: folders that appear whole and never change, and pointers that are swapped. Knows not
what they lie on: core/store/store.py has files, core/store/objects a bucket.

Keys are relative paths of validated names, never text from a client.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, Self, TypeVar

from pydantic import BaseModel, Field, StrictInt

from core.store import files
from core.store.record import SCHEMA, Record, validated


class Pointer(BaseModel):
    """A small record that is swapped.

    revision: counts up with every swap; what stood there before never stands there again. 0: an earlier build did not
    count.
    """

    revision: StrictInt = Field(0, exclude_if=lambda revision: revision == 0)

    @classmethod
    def none(cls) -> Self:
        """Return what is read where none was ever written."""
        return cls()


P = TypeVar("P", bound=Pointer)
R = TypeVar("R", bound=Record)
Stamp = tuple[tuple[int, int, int] | None, ...]  # inode, time of change in ns, size; None: it is not there


class Repository(Protocol):
    """Safe for any number of processes that use one store."""

    def put(self, key: str, fill: Callable[[Path], None]) -> bool:
        """Let `fill` write a folder aside, then let it appear as `key`. False, and nothing changes, if `key` exists."""
        ...

    def folder(self, key: str, *, is_fresh: bool = False) -> Path:
        """Return where the files of a folder can be read, is_fresh: as they are in the store, and in no cache.

        FileNotFoundError, now or when it is read, without one."""
        ...

    def read_record(self, key: str, kind: type[R]) -> R:
        """Read a JSON file of a folder, without the rest of it.

        Raises:
            FileNotFoundError: there is none.
            StoreDamaged: it cannot be used.
        """
        ...

    def has(self, key: str) -> bool:
        """Whether there is such a folder."""
        ...

    def names(self, key: str) -> list[str]:
        """Return the names of what is under `key`, sorted."""
        ...

    def pointer(self, key: str, kind: type[P]) -> P:
        """Read a pointer; StoreDamaged if it cannot be used."""
        ...

    def change(self, key: str, kind: type[P], edit: Callable[[P], bool]) -> P:
        """Let `edit` change a pointer in place, and write it if it says so; return it.

        Nothing of others is lost: `edit` may be called again, with what another wrote meanwhile.
        """
        ...

    def revision(self, key: str) -> int:
        """Return the revision of a pointer; 0 without one."""
        ...

    def stamp(self, key: str) -> Stamp:
        """Return what changes with a pointer, and with what appears or goes beside it."""
        ...

    def refresh(self) -> None:
        """Look anew at what stamps are made of."""
        ...

    def delete(self, key: str) -> None:
        """Remove a folder; no error if there is none."""
        ...


def pointer_bytes(pointer: Pointer) -> bytes:
    """Return a pointer as it is written."""
    return files.json_bytes({"schema": SCHEMA, **pointer.model_dump(by_alias=True)})


def parse_pointer(content: bytes, kind: type[P], name: str) -> P:
    return validated(kind, files.parse_json(content, SCHEMA, name), name)
