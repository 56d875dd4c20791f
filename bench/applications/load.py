"""How many pictures a second are completed and classified over 64 connections, and what upload and decoding take of it.

    python -m bench.applications load [--seconds 10] [--rounds 3]

A service of its own with the starters; wrk sends one picture a request, another seed or file name each time, so that no
answer is from memory. Figures are medians of the rounds. py-spy samples both processes once more: shares of their busy
time by what they do. For an idle machine; py-spy reads another process's memory, so run it as root.

Shape suffixes: H height, W width, C channels.
"""

import argparse
import io
import json
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from bench.dataset import read_bundled
from bench.machine import ROOT, machine, revision, slug
from bench.proc import engine_of
from bench.service import OwnService
from bench.serving import profile, wrk
from core.media.images.png import write_png
from models.starters import DIGITS_COMPLETE, DIGITS_READER

RESULTS = ROOT / "docs" / "benchmarks" / "applications"
SCRIPT = Path(__file__).with_name("upload.lua")
CONNECTIONS = 64
MARK = "@@@@@@@@@@"  # a number of ten digits takes its place
BOUNDARY = "ganymede-bench"
HOLE = slice(7, 21)


@dataclass(frozen=True)
class UploadKind:
    """One kind of request. MARK in its path or its body is another number each time."""

    path: str
    content_type: str
    body: bytes


def uploads() -> dict[str, UploadKind]:
    """By what is asked for: a digit with a hole, and a digit in a form."""
    digit_HW = read_bundled().images[0]
    holed_HWC = np.stack([digit_HW, digit_HW, digit_HW, np.full_like(digit_HW, 255)], axis=2)
    holed_HWC[HOLE, HOLE, 3] = 0
    return {
        "complete": UploadKind(f"/complete?model={DIGITS_COMPLETE}&seed={MARK}", "image/png", _rgba(holed_HWC)),
        "classify": UploadKind(
            f"/classify?model={DIGITS_READER}",
            f"multipart/form-data; boundary={BOUNDARY}",
            _form(f"{MARK}.png", write_png(digit_HW[..., None])),
        ),
    }


def _rgba(picture_HWC: npt.NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture_HWC, "RGBA").save(buffer, "PNG")
    return buffer.getvalue()


def _form(name: str, content: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="picture"; filename="{name}"\r\n\r\n'
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def main(arguments: list[str]) -> None:
    """Measure, print, write the file."""
    parser = argparse.ArgumentParser(prog="python -m bench.applications load", description="Load with uploads.")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args(arguments)
    if not wrk.is_here():
        raise SystemExit(wrk.HOW_TO_INSTALL)
    found: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": revision(),
        "machine": machine(),
        "connections": CONNECTIONS,
        "loads": {},
    }
    with (
        tempfile.TemporaryDirectory(prefix="ganymede-bench-") as folder,
        OwnService.running(Path(folder), "api") as service,
    ):
        for name, upload in uploads().items():
            found["loads"][name] = measure(service, upload, asked.seconds, asked.rounds, Path(folder))
            print(name, json.dumps(found["loads"][name], indent=1), flush=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"load-{slug(found['machine'])}.json"
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def measure(service: OwnService, upload: UploadKind, seconds: int, rounds: int, folder: Path) -> dict[str, Any]:
    """Requests/s, times, and cores of both processes as medians; then shares of what they do."""
    body = folder / "body"
    body.write_bytes(upload.body)

    def drive(number: int, seconds: float) -> dict[str, float]:
        asked = (upload.path, upload.content_type, str(body), MARK, str(number))
        return wrk.figures(wrk.read(wrk.run(service.url, CONNECTIONS, seconds, SCRIPT, asked)), 1)

    drive(0, seconds)  # the first request loads the model
    pids = {"API": service.pid("api"), "engine process": engine_of(service.pid("api"))}
    turns = [profile.with_cores(pids, partial(drive, number, seconds)) for number in range(1, rounds + 1)]
    medians, cores = (_medians(each) for each in zip(*turns, strict=True))
    stacks = profile.sampled(pids, seconds, folder, lambda: drive(rounds + 1, seconds + 2 * profile.PAUSE_S))
    return {**medians, "cores": cores, "shares": stacks}


def _medians(turns: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(turn[name] for turn in turns), 3) for name in turns[0]}
