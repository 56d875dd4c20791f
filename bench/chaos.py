"""Does to a service what it must survive, at random moments: `make chaos`.

`python -m bench.chaos [--deeds 300] [--minutes 90] [--seed 0]`: broker, API and worker as processes of their own. Runs
train one after the other. Each is hit by a few deeds (bench/deeds.py) at steps that the seed chooses. It is judged when
it has ended: it succeeded, its last version has the bytes of a run that nothing disturbed, no version was published
twice, and its events have no gap. Meanwhile pictures are asked for. Each deed and each run is noted in
docs/benchmarks/chaos-<machine>.json; a later call goes on behind the last, so `--minutes 8` may be called again and
again: no deed begins after that, and the run under way is judged. `--shipped`: no limit shorter than shipped. What this
machine does not allow (a small disk, libfaketime) is left out, and said.
"""

import argparse
import contextlib
import math
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.chaos_report import ChaosReport, DoneDeed, JudgedRun, table
from bench.deeds import API_IS_DOWN, CLOCK_BACK, DEEDS, DISK_FULL
from bench.machine import ROOT, machine, revision, slug
from bench.midway import FAKETIME
from bench.outages import DeedFailed, draws
from bench.service import OwnService, ServiceFailed
from bench.small_disk import CannotMount, small_disk
from core.registry import Registry, VersionManifest
from core.runs import Run, RunStore

RESULTS = ROOT / "docs" / "benchmarks"
STEPS = 400
CHECKPOINTS, VERSIONS = 20, 4  # of a run
DEEDS_A_RUN = 6
SMALL_DISK_MB = 512  # for all runs of a call
RECOVERS_WITHIN_S = 1800.0  # on a busy machine; what is noted is how long it took
LOOK_EVERY_S = 0.1
MODEL = "chaos"
RUN: dict[str, Any] = {
    "recipe": "cgan",
    "dataset": "mnist-10k",
    "model": MODEL,
    "seed": 7,
    "config": {"width": 16, "batch_size": 16, "latent_dim": 4, "extractor": "none", "augment": "none"},
    "publish": {"keep": 100, "final": "last"},
    "stop": {"action": "alert"},
}


class Asking(threading.Thread):
    """Asks for a picture now and then, and counts; those that are asked for while the API is down do not count."""

    def __init__(self, service: OwnService) -> None:
        super().__init__(daemon=True)
        self.service, self.is_over, self.is_down = service, threading.Event(), False
        self.seen: Counter[bool] = Counter()

    def run(self) -> None:
        while not self.is_over.wait(0.5):
            was_down = self.is_down
            is_drawn = draws(self.service)
            if not (was_down or self.is_down):
                self.seen[is_drawn] += 1


class Chaos:
    """One service, and what is done to it."""

    def __init__(
        self, service: OwnService, report: ChaosReport, steps: int = STEPS, *, is_shipped: bool = False
    ) -> None:
        self.service, self.report, self.steps, self.is_shipped = service, report, steps, is_shipped
        self.asking = Asking(service)
        self.reference = b""

    @contextlib.contextmanager
    def going_on(self) -> Iterator[None]:
        """Make the bytes to compare with, then ask for pictures until the end."""
        run = self.begin()
        self.wait(run, lambda: run.state().status.is_terminal)
        self.reference = self.weights(run)
        self.asking.start()
        try:
            yield
        finally:
            self.asking.is_over.set()
            self.asking.join()
            self.report.drawn += self.asking.seen[True]
            self.report.not_drawn += self.asking.seen[False]
            self.service.end("api")
            self.service.start("api")  # removes what the dead left
            self.service.wait_until_it_answers()
            self.report.leftovers = [path.name for path in self.service.store.path("tmp").iterdir()]

    def begin(self) -> Run:
        own = {"steps": self.steps, "checkpoint_every": self.steps // CHECKPOINTS}
        body = {
            **RUN,
            "config": {**RUN["config"], **own},
            "publish": {**RUN["publish"], "every_steps": self.steps // VERSIONS},
        }
        with self.service.client() as client:
            answer = client.post("/train", json=body)
        answer.raise_for_status()
        return RunStore(self.service.store).get(answer.json()["id"])

    def disturb(self, names: Sequence[str], seed: str, over_at: float = math.inf) -> None:
        """One run, with these deeds in this order; none after that time."""
        rng, run = random.Random(seed), self.begin()
        moments = sorted(rng.randrange(1, self.steps * 9 // 10) for _ in names)
        for name, moment in zip(names, moments, strict=True):
            self.wait(run, lambda moment=moment: run.state().progress.step >= moment)
            if run.state().status.is_terminal or time.monotonic() > over_at:
                break
            self.do(name, run, rng)
        self.wait(run, lambda: run.state().status.is_terminal)
        self.judge(run)

    def do(self, name: str, run: Run, rng: random.Random) -> None:
        began, step = time.monotonic(), run.state().progress.step
        self.asking.is_down = name in API_IS_DOWN
        try:
            DEEDS[name](self.service, run, rng)
        except DeedFailed as failed:
            self.report.wrong.append(f"{run.id} step {step}: {name}: {failed}")
            print(self.report.wrong[-1], flush=True)
        self.asking.is_down = False
        before = run.state().last_heartbeat_at
        self.wait(run, lambda: run.state().status.is_terminal or self.moves(run, step, before))
        self.wait(run, lambda: draws(self.service))
        seconds = round(time.monotonic() - began, 1)
        done = DoneDeed(deed=name, run=run.id, step=step, seconds=seconds, is_shipped=self.is_shipped)
        self.report.deeds.append(done)
        print(f"{run.id} step {step}: {name}, {self.report.deeds[-1].seconds} s", flush=True)

    @staticmethod
    def moves(run: Run, step: int, before: str | None) -> bool:
        state = run.state()
        return state.progress.step > step and state.last_heartbeat_at != before

    def judge(self, run: Run) -> None:
        state, weights = run.state(), self.weights(run)
        keys = [(made.branch, made.step) for made in self.versions() if made.run == run.id]
        ids = [event.id for event in run.events()]
        judged = JudgedRun(
            run=run.id,
            deeds=sum(deed.run == run.id for deed in self.report.deeds),
            status=state.status,
            attempts=state.attempt,
            bytes_compared=len(weights),
            is_as_undisturbed=weights == self.reference,
            published_twice=len(keys) - len(set(keys)),
            gaps=len(set(range(1, len(ids) + 1)) ^ set(ids)),
        )
        self.report.runs.append(judged)
        print(judged, flush=True)

    def versions(self) -> list[VersionManifest]:
        registry = Registry(self.service.store)
        return [registry.manifest(MODEL, version) for version in registry.versions(MODEL)]

    def weights(self, run: Run) -> bytes:
        """Of the version that it published last; nothing where it has none."""
        published, registry = run.state().published, Registry(self.service.store)
        if not published:
            return b""
        return (registry.folder(MODEL, published[-1].version) / "generator.safetensors").read_bytes()

    def wait(self, run: Run, look: Any) -> None:
        deadline = time.monotonic() + RECOVERS_WITHIN_S
        while not look():
            if time.monotonic() > deadline:
                raise ServiceFailed(f"{run.id} is {run.state().status} at step {run.state().progress.step} for ever")
            time.sleep(LOOK_EVERY_S)


def possible(names: Sequence[str], store: Path, stack: contextlib.ExitStack) -> list[str]:
    """Those deeds that this machine allows; `store` is on a small disk from here on, where it does."""
    left_out = {}
    if not FAKETIME:
        left_out[CLOCK_BACK] = "there is no libfaketime (Debian: apt-get install libfaketime)"
    try:
        stack.enter_context(small_disk(store, SMALL_DISK_MB))
    except CannotMount as error:
        left_out[DISK_FULL] = str(error)
    for name in left_out.keys() & set(names):
        print(f"LEFT OUT: {name}: {left_out[name]}", flush=True)
    return [name for name in names if name not in left_out]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deeds", type=int, default=300)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS, help="of each run")
    parser.add_argument("--stall-after", type=float, default=60, help="GANYMEDE_STALL_AFTER, in seconds")
    parser.add_argument("--shipped", action="store_true", help="leave GANYMEDE_STALL_AFTER as it is shipped")
    parser.add_argument("--only", nargs="+", choices=DEEDS, default=list(DEEDS), help="of the deeds")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leaves nothing behind
    measured_on = machine()
    target = RESULTS / f"chaos-{slug(measured_on)}.json"
    report = ChaosReport(machine=measured_on, revision=revision())
    if target.exists():
        report = ChaosReport.model_validate_json(target.read_text(encoding="utf-8"))
    over_at = time.monotonic() + 60 * asked.minutes
    limits = {} if asked.shipped else {"STALL_AFTER": str(asked.stall_after)}
    with tempfile.TemporaryDirectory(prefix="ganymede-chaos-") as folder, contextlib.ExitStack() as stack:
        home = Path(folder)
        deeds = possible(asked.only, home / "store", stack)
        service = stack.enter_context(OwnService.running(home, "api", "worker", **limits))
        chaos = Chaos(service, report, asked.steps, is_shipped=asked.shipped)
        with chaos.going_on():
            while len(report.deeds) < asked.deeds and time.monotonic() < over_at:
                seed = f"{asked.seed}-{len(report.runs)}"
                chaos.disturb(random.Random(seed).choices(deeds, k=DEEDS_A_RUN), seed, over_at)
                target.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
    target.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
    print(table(report))
    sys.exit(not report.is_good)


if __name__ == "__main__":
    main()
