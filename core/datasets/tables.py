"""Metadata that lies beside pictures, as rows of texts: CSV of any dialect, JSON lines, StyleGAN's dataset.json.

Knows no pictures.
"""

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core.datasets.members import FileRefused
from core.datasets.names import decode, words_of

LOOKED_AT = 1 << 16  # characters, to find what separates columns
NOT_A_VALUE = frozenset({"", "nan"})  # of a cell; "none" may well be a class
FILE_NAME, LABEL = "file_name", "label"
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_SEPARATOR_LINE = re.compile(r"\A\s*sep=(.)\r?\n?", re.IGNORECASE)  # Excel's
_WHOLE = re.compile(r"([+-]?[0-9]+)\.0+")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of equal length. `columns` is empty if the first row may be names or not."""

    columns: tuple[str, ...]
    rows: list[list[str]]


def read_table(name: str, data: bytes, encoding: str | None) -> Table:
    """Read the table in a file; FileRefused if it is none. StyleGAN's `{"labels": null}` has no rows."""
    text = _text(data, encoding)
    try:
        if name.lower().endswith(".json"):
            return _of_json(json.loads(text))
        if name.lower().endswith((".jsonl", ".ndjson")):
            return _of_objects([json.loads(line) for line in text.split("\n") if line.strip()])
        return _of_csv(text)
    except (ValueError, RecursionError, csv.Error) as error:
        raise FileRefused(f"cannot be read as metadata: {words_of(error)}") from None


def label_of(text: str) -> str | None:
    """Return a cell as the name of a class: whole numbers without a point; None for what stands for nothing."""
    text = text.strip()
    whole = _WHOLE.fullmatch(text)
    return None if text.lower() in NOT_A_VALUE else whole[1] if whole else text


def _text(data: bytes, encoding: str | None) -> str:
    for bom, codec in _BOMS.items():
        if data.startswith(bom):
            return data.decode(codec, "replace")
    return decode(data, encoding)


def _of_csv(text: str) -> Table:
    if separated := _SEPARATOR_LINE.match(text):
        rows = _rows(text[separated.end() :], separated[1])
    else:
        begin = "\n".join(text[:LOOKED_AT].splitlines()[:20])
        rows = _rows(text, max(",;\t|", key=lambda mark: _agreement(_rows(begin, mark))))
    if not rows or len(rows[0]) < 2:
        raise ValueError("it has no two columns")
    width = len(rows[0])
    return Table((), [(row + [""] * width)[:width] for row in rows])


def _rows(text: str, mark: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, skipinitialspace=True)
    return [row for row in reader if any(cell.strip() for cell in row)]


def _agreement(rows: list[list[str]]) -> tuple[int, int]:
    """Count the rows as wide as the first, if it is wider than one; and return that width."""
    width = len(rows[0]) if rows else 0
    return (sum(len(row) == width for row in rows) if width > 1 else 0), width


def _of_objects(objects: Sequence[Any]) -> Table:
    if not objects or not all(isinstance(each, dict) for each in objects):
        raise ValueError("expected an object in each line")
    columns = tuple(dict.fromkeys(key for each in objects for key in each))
    return Table(columns, [[_cell(each.get(column)) for column in columns] for each in objects])


def _of_json(content: Any) -> Table:
    """`{"labels": [["00000/img00000000.png", 6], ...]}`, or null instead of labels; the pairs also by themselves, as an
    object, or as objects with columns."""
    if isinstance(content, list) and content and isinstance(content[0], dict):
        return _of_objects(content)
    if isinstance(content, dict) and "labels" in content:
        return Table((FILE_NAME, LABEL), list(_pairs(content["labels"] or [])))
    if not content or (isinstance(content, dict) and any(isinstance(value, list | dict) for value in content.values())):
        raise ValueError('expected {"labels": [[file, label], ...]}, as StyleGAN writes it')
    return Table((FILE_NAME, LABEL), list(_pairs(content)))


def _pairs(labels: Any) -> Iterator[list[str]]:
    if not isinstance(labels, dict | list):
        raise ValueError("expected pairs of a file and its label")
    for pair in labels.items() if isinstance(labels, dict) else labels:
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], str):
            raise ValueError("expected pairs of a file and its label")
        yield [pair[0], _cell(pair[1])]


def _cell(value: Any) -> str:
    """Return a value as text; a one-hot row as the position of its 1."""
    if value is None:
        return ""
    if isinstance(value, list) and len(value) > 1 and sorted(value, key=str) == sorted([0] * (len(value) - 1) + [1]):
        return str(value.index(1))
    return value if isinstance(value, str) else json.dumps(value)
