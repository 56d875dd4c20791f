"""Where the time of a request goes: `python -m bench.serving.profile`. Samples the stacks of both processes of ours.

Two loads: one image of 32 px a request over 64 connections, and one of 256 px over 16. py-spy looks at the API process
and its engine process while wrk asks. Prints, for each load, how busy each process is and what its busy samples do; a
sample counts for the innermost of our files or libraries that its stack names (ROOMS), and one that waits counts for
nothing. py-spy reads another process's memory: run it as root, or where the kernel allows that (ptrace_scope 0).
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.machine import ROOT, machine, revision, slug
from bench.proc import cpu_seconds
from bench.serving import generator, wrk
from bench.serving.servers import OURS, Running, running

RESULTS = ROOT / "docs" / "benchmarks"
LOADS = {"bench32": 64, "bench256": 16}  # model -> connections
Figures = dict[str, float]
RATE = 50  # samples a second; a process stands still for each
PAUSE_S = 1.0  # until py-spy looks

# What a stack is counted for: the first of these, from its inner end, that one of its files' names holds.
ROOMS = {
    "uvicorn/": "HTTP: uvicorn, httptools, the socket",
    "app/http/protocol.py": "HTTP: uvicorn, httptools, the socket",
    "starlette/": "Starlette and FastAPI",
    "fastapi/": "Starlette and FastAPI",
    "app/http/multipart.py": "pictures that are sent: upload",
    "app/generate/sent_picture.py": "pictures that are sent: decoding",
    "app/generate/holes.py": "pictures that are sent: decoding",
    "app/generate/pictures.py": "pictures that are sent: decoding",
    "core/datasets/": "pictures that are sent: decoding",
    "PIL/": "pictures that are sent: decoding",
    "app/http/": "guard, access log, fast route",
    "app/generate/": "parameters, cache, answer",
    "app/engine/process_backend.py": "messages between the processes",
    "app/engine/ipc.py": "messages between the processes",
    "app/engine/process.py": "messages between the processes",
    "prometheus_client/": "metrics",
    "models/noise.py": "noise",
    "models/sampling.py": "pixels from the network's output",
    "core/media/images/": "files: filter and deflate",
    "models/folding.py": "the network",
    "models/packing.py": "the network",
    "models/dcgan.py": "the network",
    "app/engine/forward.py": "the network",
    "app/engine/": "batches and queues",
    "asyncio/": "the event loop",
}
# The inner end of a stack that waits.
WAITING = (
    "_exactly (app/engine/ipc.py",
    "_worker (concurrent/futures/thread.py",
    "_wait_for_tstate_lock",
    "wait (threading.py",
    "listen (core/queue/queue.py",
    "select (selectors.py",
)


def shares(stacks: str) -> dict[str, float]:
    """Shares of the busy samples by room, the largest first. `stacks`: a stack and its count a line, of py-spy."""
    counted = Counter[str]()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        if not any(wait in frames[-1] for wait in WAITING):
            counted[room_of(frames)] += int(count)
    return {room: round(count / counted.total(), 3) for room, count in counted.most_common()}


def room_of(frames: Sequence[str]) -> str:
    """The room of the innermost frame that has one."""
    for frame in reversed(frames):
        for part, room in ROOMS.items():
            if part in frame:
                return room
    return "all else"


def profile(up: Running, connections: int, seconds: int, folder: Path) -> dict[str, Any]:
    """Requests/s, cores that each process keeps busy (both without py-spy), and shares of what they do."""
    load, pids = wrk.Workload(connections=connections, model=up.model), {"API": up.pid, "engine process": up.engine_pid}

    def drive(number: int, seconds: float) -> Figures:
        return wrk.drive(up.url, "GET", up.server.path, load, seconds, number * 1_000_003)

    drive(0, seconds)
    figures, cores = with_cores(pids, lambda: drive(1, seconds))
    return {
        "connections": connections,
        "requests_per_s": round(figures["requests_per_s"], 1),
        "cores": {name: round(busy, 3) for name, busy in cores.items()},
        "shares": sampled(pids, seconds, folder, lambda: drive(2, seconds + 2 * PAUSE_S)),
    }


def with_cores(pids: Mapping[str, int], drive: Callable[[], Figures]) -> tuple[Figures, dict[str, float]]:
    """What `drive` returns, and how many cores each process keeps busy meanwhile."""
    before, at = {name: cpu_seconds(pid) for name, pid in pids.items()}, time.perf_counter()
    figures = drive()
    taken_s = time.perf_counter() - at
    return figures, {name: (cpu_seconds(pid) - before[name]) / taken_s for name, pid in pids.items()}


def sampled(
    pids: Mapping[str, int], seconds: int, folder: Path, drive: Callable[[], object]
) -> dict[str, dict[str, float]]:
    """Shares of what each process does while `drive` runs, which takes PAUSE_S longer before and behind."""
    files = {name: folder / f"{name}.txt" for name in pids}
    spies = [spy(pid, files[name], seconds) for name, pid in pids.items()]
    drive()
    for each in spies:
        if each.wait():
            raise SystemExit(f"py-spy ended with {each.returncode}: may it read the memory of other processes?")
    return {name: shares(file.read_text(encoding="utf-8")) for name, file in files.items()}


def spy(pid: int, file: Path, seconds: int) -> "subprocess.Popen[bytes]":
    command = [str(OURS.python.with_name("py-spy")), "record", "--pid", str(pid), "--format", "raw"]
    command += ["--rate", str(RATE), "--duration", str(seconds), "--output", str(file)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=15)
    seconds = parser.parse_args().seconds
    found: dict[str, Any] = {"machine": machine(), "revision": revision(), "loads": {}}
    with tempfile.TemporaryDirectory(prefix="ganymede-bench-") as folder:
        weights = generator.publish(Path(folder) / "store", {name: generator.SIZES[name] for name in LOADS})
        for model, connections in LOADS.items():
            place = Path(folder) / model
            with running(OURS, model, weights[model], place, Path(folder)) as up:
                found["loads"][model] = profile(up, connections, seconds, place)
            print(model, json.dumps(found["loads"][model], indent=1), flush=True)
    target = RESULTS / f"profile-{slug(found['machine'])}.json"
    target.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
