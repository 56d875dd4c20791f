"""Where and what was measured: the machine, and the revision of the code. Measures nothing itself."""

import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]


def machine() -> dict[str, Any]:
    """This machine's processor and cores, and its torch."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(encoding="utf-8"), re.MULTILINE)
        model = found[1].strip() if found else model
    return {"cpu": model, "cores": os.cpu_count(), "torch": torch.__version__}


def revision() -> str:
    """Of this checkout; `-dirty` where it has changes."""
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def slug(measured_on: dict[str, Any]) -> str:
    """A file name for a machine: its processor and cores."""
    words = re.sub(r"[^a-z0-9]+", "-", str(measured_on["cpu"]).lower()).strip("-")
    return f"{words or 'cpu'}-{measured_on['cores']}-cores"
