"""The classes of pictures as metadata beside them tells: which column names a picture, and which its class.

It counts before the folders. What may be meant in two ways is refused with the columns that there are.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from core.datasets import names
from core.datasets.image_set import MAX_CLASSES
from core.datasets.layout import Entry, Picture
from core.datasets.lookup import Lookup
from core.datasets.members import FileRefused
from core.datasets.report import Report
from core.datasets.tables import Table, label_of, read_table
from core.errors import InvalidRequest

JSON_NAMES = frozenset({"dataset.json", "labels.json", "metadata.json"})
ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson")
NO_TRUTH = re.compile(r"(sample|example).*submission.*|submission.*", re.IGNORECASE)  # a form to be filled in
FILE_COLUMNS = frozenset(
    {"filename", "file", "filepath", "path", "image", "imagename", "imagepath", "imageid", "img", "id", "name"}
)
CLASS_COLUMNS = frozenset(
    {"label", "labels", "labelname", "labelid", "class", "classes", "classname", "classid", "classlabel"}
) | {"category", "categoryname", "categoryid", "target", "finelabel", "coarselabel"}
OTHER_COLUMNS = frozenset(
    {"text", "caption", "captions", "description", "prompt", "title", "alt", "url", "split", "subset", "set", "fold"}
) | {"width", "height", "size", "bbox", "objects", "mask", "index", "id", "unnamed0", "", "md5", "sha256", "licence"}
OR = "Or leave the file out to take the folders"
SHOWN = 3
LOOKED_AT = 1000  # rows, to find the column that names pictures


@dataclass(slots=True)
class Labels:
    """The classes that metadata assigns, by a picture's number; None: it says that there are none."""

    of: dict[int, str | None] = field(default_factory=dict)
    source_of: dict[int, str] = field(default_factory=dict)
    contradictory: dict[int, str] = field(default_factory=dict)
    used: list[str] = field(default_factory=list)


def is_metadata(entry: Entry) -> bool:
    name = entry.parts[-1].lower()
    return name in JSON_NAMES or (name.endswith(ENDINGS) and not NO_TRUTH.match(name))


def read_metadata(
    pictures: Sequence[Entry],
    tables: Sequence[Entry],
    content: Callable[[Entry], bytes],
    encoding: str | None,
    report: Report,
) -> Labels:
    """Read what the tables say of the pictures; InvalidRequest if a table is ambiguous, or two contradict."""
    labels, lookup = Labels(), Lookup([entry.parts for entry in pictures])
    for entry in tables:
        try:
            table = read_table(entry.parts[-1], content(entry), encoding)
            if any(names.is_undecoded(cell) for row in table.rows for cell in row):
                report.note(f"{entry.name} is not in UTF-8; `encoding` (cp932, gbk, cp1252 ...) decodes it")
            if not table.rows:
                _take_null(entry, pictures, labels, report)
            else:
                _take(entry, table, lookup, labels, report)
        except FileRefused as refusal:
            report.refuse(entry.name, str(refusal))
    return labels


def labelled(pictures: Sequence[Entry], labels: Labels, report: Report) -> list[Picture]:
    """Return the pictures that metadata classifies; `report` gets the others."""
    sources = " and ".join(sorted(set(labels.used)))
    taken = []
    for i, entry in enumerate(pictures):
        if i in labels.contradictory:
            report.refuse(entry.name, labels.contradictory[i])
        elif i not in labels.of:
            report.refuse(entry.name, f"is not named by {sources}, which tells the classes")
        else:
            taken.append(Picture(entry.member, entry.name, labels.of[i]))
    if any(picture.class_name for picture in taken) and not all(picture.class_name for picture in taken):
        for picture in taken:
            if picture.class_name is None:
                report.refuse(picture.name, f"has no class in {sources}")
        return [picture for picture in taken if picture.class_name]
    return taken


def _take_null(entry: Entry, pictures: Sequence[Entry], labels: Labels, report: Report) -> None:
    folder = entry.parts[:-1]
    report.ignored += 1
    report.note(f"{entry.name} says that there are no classes; the folders are none")
    labels.used.append(entry.name)
    for i, picture in enumerate(pictures):
        if picture.parts[: len(folder)] == folder:
            _put(i, None, entry.name, labels)


def _take(entry: Entry, table: Table, lookup: Lookup, labels: Labels, report: Report) -> None:
    columns, rows, at, found = _file_column(entry, table, lookup)
    values = _class_values(entry.name, columns, rows, at, found)
    missing = []
    for row, i, value in zip(rows, found, values, strict=True):
        if i is None:
            missing.append(row[at])
        else:
            _put(i, None if (label := label_of(value)) is None else names.class_name(label), entry.name, labels)
    report.ignored += 1
    labels.used.append(entry.name)
    named = len({i for i in found if i is not None})
    report.note(
        f"the classes are those of {entry.name}, which names {named} of {len(lookup)} pictures; not the folders"
    )
    if missing:
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        report.note(f"{entry.name} names pictures that are not here: {', '.join(missing[:SHOWN])}{more}")


def _put(i: int, label: str | None, source: str, labels: Labels) -> None:
    if i not in labels.of:
        labels.of[i], labels.source_of[i] = label, source
    elif labels.of[i] != label:
        if labels.source_of[i] != source:
            detail = (
                f"{labels.source_of[i]} and {source} tell different classes of the same pictures; leave one of them out"
            )
            raise InvalidRequest.field("/file", detail)
        labels.contradictory[i] = f"has several classes in {source}, as {labels.of[i]} and {label}"


def _file_column(
    entry: Entry, table: Table, lookup: Lookup
) -> tuple[tuple[str, ...], list[list[str]], int, list[int | None]]:
    """Return the columns' names, the rows, the column that names pictures, and each row's picture."""
    columns, rows = table.columns, table.rows
    if not columns:
        is_header = not any(lookup.find(cell, entry.parts[:-1]) is not None for cell in rows[0])
        columns = tuple(rows[0]) if is_header else tuple(f"column {i + 1}" for i in range(len(rows[0])))
        rows = rows[1:] if is_header else rows
    if not rows:
        raise FileRefused("is metadata without a row")

    def pictures(at: int, rows: list[list[str]]) -> list[int | None]:
        return [lookup.find(row[at], entry.parts[:-1]) for row in rows]

    def score(at: int) -> tuple[int, bool]:
        found = {i for i in pictures(at, rows[:LOOKED_AT]) if i is not None}
        return len(found), _plain(columns[at]) in FILE_COLUMNS

    at = max(range(len(columns)), key=score)
    found = pictures(at, rows)
    named = {i for i in found if i is not None}
    if not named:
        raise FileRefused("is metadata that names no picture of this archive; the folders count")
    if not lookup.is_plausible(named, [row[at] for row in rows]):
        raise FileRefused(f"is metadata that names {len(named)} of {len(lookup)} pictures; the folders count")
    return columns, rows, at, found


def _class_values(
    name: str, columns: tuple[str, ...], rows: list[list[str]], at: int, found: list[int | None]
) -> list[str]:
    """Return the class in each row; FileRefused if no column has one, InvalidRequest if several may."""
    others = [i for i in range(len(columns)) if i != at]
    known = [i for i in others if _plain(columns[i]) in CLASS_COLUMNS]
    closed = OTHER_COLUMNS if len(others) == 1 else OTHER_COLUMNS | FILE_COLUMNS
    open_ones = [i for i in others if _plain(columns[i]) not in closed]
    if not known and (marked := _marked(columns, rows, open_ones)):
        return marked
    chosen = _same_partition(rows, known) if known else open_ones[0] if len(open_ones) == 1 else None
    listed = ", ".join(columns[i] for i in known or others)
    if chosen is None and known:
        problem = f"{name}: which column is the class? ({listed}) Leave one of them. {OR}"
        raise InvalidRequest.field("/file", problem)
    if chosen is None:
        raise FileRefused(f"is metadata without a column `label` or `class` (it has {listed}); the folders count")
    values = [row[chosen] for row, i in zip(rows, found, strict=True) if i is not None]
    if any(value.lstrip().startswith(("[", "{")) for value in values):
        problem = f"{name}: {columns[chosen]} has lists; expected one class for each picture. {OR}"
        raise InvalidRequest.field("/file", problem)
    if not known and (len(set(values)) > MAX_CLASSES or (len(set(values)) == len(values) > SHOWN)):
        raise FileRefused(
            f"is metadata in which {columns[chosen]} is no class: it differs everywhere; the folders count"
        )
    return [row[chosen] for row in rows]


def _marked(columns: tuple[str, ...], rows: list[list[str]], open_ones: list[int]) -> list[str] | None:
    """Read classes from one-hot columns; None unless each row has one 1 and zeros."""
    if len(open_ones) < 2:
        return None
    values = []
    for row in rows:
        marks = Counter(label_of(row[i]) for i in open_ones)
        if marks != {"1": 1, "0": len(open_ones) - 1}:
            return None
        values.append(next(columns[i] for i in open_ones if label_of(row[i]) == "1"))
    return values


def _same_partition(rows: list[list[str]], known: list[int]) -> int | None:
    """Of columns that divide the rows alike return the one in words; None if they differ."""
    pairs = {tuple(row[i].strip() for i in known) for row in rows}
    if any(len({pair[k] for pair in pairs}) != len(pairs) for k in range(len(known))):
        return None
    in_words = [i for i in known if not all(re.fullmatch(r"[-+.\d\s]*", row[i]) for row in rows)]
    return (in_words or known)[0]


def _plain(column: str) -> str:
    return re.sub(r"[^a-z0-9]", "", column.lower())
