"""Reads what was recorded: JSON files, one for each machine or training. Knows no benchmark."""

import json
from pathlib import Path
from typing import Any


def read_records(folder: Path, pattern: str) -> list[dict[str, Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob(pattern))]
