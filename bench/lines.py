"""Files of JSON lines that a run left, read by what measures it. Knows no key."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield every whole JSON object of a file of lines, oldest first; skip lines cut short by a crash."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        for line in file:
            with contextlib.suppress(ValueError, RecursionError):
                body = json.loads(line)
                if isinstance(body, dict):
                    yield body
