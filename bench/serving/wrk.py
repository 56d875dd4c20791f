"""wrk, the closed-loop generator: each connection asks again when it is answered. Knows no server.

wrk corrects its percentiles for coordinated omission: an answer that took long counts for the requests that its
connection would have sent meanwhile. That makes p99 worse, never better, for every server alike.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

SCRIPT = Path(__file__).with_name("wrk.lua")
HOW_TO_INSTALL = "wrk is not here. Install it: apt-get install wrk (Debian, Ubuntu), brew install wrk (macOS)"
TIMEOUT_S = 60
PROBLEMS = ("connect", "read", "write", "timeout", "status")  # of wrk's own counts; status: 400 and above

Kind = Literal["random", "same", "known"]


class LoadFailed(Exception):
    """Requests failed, so that what was measured is not what was meant."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What is asked: `n` images a request over `connections`; another seed each time, or the same."""

    connections: int
    n: int = 1
    format: Literal["png", "npy"] = "png"
    kind: Kind = "random"
    model: str = ""  # for a server that has several
    etag: str = ""  # of kind "known": the answer is 304


def is_here() -> bool:
    return shutil.which("wrk") is not None


def drive(url: str, method: str, path: str, load: Workload, seconds: float, seed: int) -> dict[str, float]:
    """Requests/s, images/s and milliseconds at p50, p90, p99 and the longest; LoadFailed if any request failed."""
    asked = (method, path, load.kind, str(load.n), load.format, load.model, str(seed), load.etag)
    return figures(read(run(url, load.connections, seconds, SCRIPT, asked)), load.n)


def run(url: str, connections: int, seconds: float, script: Path, arguments: Sequence[str]) -> str:
    """What wrk prints, whose script is given the arguments; LoadFailed where it does not end well."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", f"--timeout={TIMEOUT_S}s"]
    command += ["-s", str(script), url, "--", *arguments]
    # Its script finds result.lua in the folder where wrk begins.
    done = subprocess.run(command, cwd=SCRIPT.parent, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LoadFailed(f"wrk ended with {done.returncode}: {done.stderr[-500:]}")
    return done.stdout


def read(output: str) -> dict[str, Any]:
    """The line that result.lua prints; LoadFailed when there is none, or it tells of a failure."""
    found = re.search(r"^RESULT (\{.*\})$", output, re.MULTILINE)
    if found is None:
        raise LoadFailed(f"wrk said nothing that can be read: {output[-500:]!r}")
    result: dict[str, Any] = json.loads(found[1])
    failed = {name: result[name] for name in PROBLEMS if result[name]}
    if failed or not result["requests"]:
        raise LoadFailed(f"{result['requests']} requests were answered, and these failed: {failed}")
    return result


def figures(result: dict[str, Any], n: int) -> dict[str, float]:
    rate = result["requests"] / (result["duration_us"] / 1e6)
    times = {f"{name}_ms": result[f"{name}_us"] / 1000 for name in ("p50", "p90", "p99", "max")}
    return {
        "requests_per_s": rate,
        "images_per_s": rate * n,
        **times,
        "bytes_per_request": result["bytes"] / result["requests"],
    }
