"""Files whose names are no pictures' by what they hold: content decides. Knows no archive."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from core.datasets.layout import NO_PICTURE, Entry
from core.datasets.members import head
from core.datasets.metadata import is_metadata
from core.datasets.sniff import HEAD, kind_of


def by_content(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The same; what has a foreign name is a picture where it begins as one, or is told what it is and what to do."""
    for entry in entries:
        if entry.refusal is None or is_metadata(entry):
            yield entry
            continue
        kind = kind_of(head(entry.member)[:HEAD])
        if kind and kind.is_picture:
            yield replace(entry, refusal=None)
        else:
            is_told = kind and kind.advice and entry.refusal == NO_PICTURE
            yield replace(entry, refusal=str(kind)) if is_told else entry
