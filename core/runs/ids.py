"""The ids of runs: they sort by time. Knows no run."""

import re
import secrets
import time

_RUN_ID = re.compile(r"run_[0-9a-f]{20}")


def new_run_id() -> str:
    """An id that sorts by time: `run_`, 12 hex digits of milliseconds, 8 random ones."""
    return f"run_{time.time_ns() // 1_000_000:012x}{secrets.token_hex(4)}"


def is_run_id(text: str) -> bool:
    return _RUN_ID.fullmatch(text) is not None
