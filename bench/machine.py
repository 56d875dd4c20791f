"""Where and what was measured: the machine, and the revision of the code. Measures nothing itself."""

import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

import torch

from models.precision import has_bfloat16

ROOT = Path(__file__).resolve().parents[1]


def machine() -> dict[str, Any]:
    """This machine's processor, what it computes with, its cores, and its torch."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(encoding="utf-8"), re.MULTILINE)
        model = found[1].strip() if found else model
    instructions = torch.backends.cpu.get_cpu_capability()
    if has_bfloat16(torch.device("cpu")):
        instructions += " with bfloat16"
    return {"cpu": model, "instructions": instructions, "cores": os.cpu_count(), "torch": torch.__version__}


def described(measured_on: dict[str, Any]) -> str:
    """A machine, for people; older records do not say what it computes with."""
    instructions = measured_on.get("instructions")
    return f"{measured_on['cpu']}{f' ({instructions})' if instructions else ''}, {measured_on['cores']} cores"


def revision() -> str:
    """Of this checkout; `-dirty` where it has changes."""
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def slug(measured_on: dict[str, Any]) -> str:
    """A file name for a machine: its processor, what it computes with, and its cores."""
    return re.sub(r"[^a-z0-9]+", "-", described(measured_on).lower()).strip("-")
