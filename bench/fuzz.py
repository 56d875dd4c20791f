"""Asks the API whatever its OpenAPI document allows, and much that it does not: `make fuzz`.

`python -m bench.fuzz [--cases 20000] [--seed 0] [--examples 20]`: rounds of schemathesis against a real API whose store
has a run, its model and its dataset; first without keys, then with the key of an administrator, then with one that may
only read. Every check of schemathesis counts but positive_data_acceptance: what the document allows may be refused for
reasons that it cannot say. Event streams do not end, so they are left out.

A round is its seed. Each is noted in docs/benchmarks/fuzz-<machine>.json when it is done; a later call goes on behind
the last; `--afresh` forgets them.
"""

import argparse
import itertools
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel

from bench.apart import train_apart
from bench.machine import ROOT, machine, revision, slug
from bench.service import OwnService
from core.datasets import DatasetStore
from core.keys import KeysFile, KeyWanted
from core.machine.processes import python_module
from core.runs import RunStore
from core.settings import Settings
from core.store import Store
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.specs import RunSpec
from models.resolution import resolve

RESULTS = ROOT / "docs" / "benchmarks"
LEFT_OUT = ("positive_data_acceptance",)
STREAMS = r"events$"
PATIENCE_S = 150  # more than the service takes for its longest answer
MODEL, DATASET, STEPS = "fuzzed", "mnist-10k", 4
RUN = {
    "recipe": "cgan",
    "dataset": DATASET,
    "model": MODEL,
    "config": {
        "steps": STEPS,
        "width": 16,
        "batch_size": 16,
        "latent_dim": 4,
        "checkpoint_every": 2,
        "sample_every": 2,
        "extractor": "none",  # the others have to be made first
    },
}
KEYS: dict[str, KeyScope | None] = {"without keys": None, "an administrator": KeyScope.ADMIN, "a reader": KeyScope.READ}
FINDINGS = re.compile(r"^=+ (?:ERRORS|FAILURES) =+$(.*?)^=+ (?:WARNINGS|SUMMARY) =+$", re.MULTILINE | re.DOTALL)
PHASES = ("examples", "coverage", "fuzzing", "stateful")


class FuzzRound(BaseModel):
    """What one round found."""

    seed: int
    key: str
    revision: str
    cases: int
    seconds: float
    failures: list[str]
    errors: list[str]
    said: str  # of them, with what to ask to see them again
    server_errors: int  # lines of the API's log


class FuzzReport(BaseModel):
    """All rounds so far."""

    machine: dict[str, Any]
    rounds: list[FuzzRound] = []

    @property
    def cases(self) -> int:
        return sum(each.cases for each in self.rounds)

    @property
    def findings(self) -> list[str]:
        return [text for each in self.rounds for text in [*each.failures, *each.errors]]


def furnish(home: Path) -> dict[str, str | int]:
    """A store with a run that has ended, whose names are returned by the parameters that they are found by."""
    settings = Settings(home=home, device="cpu", redis_url=f"unix://{home}/nobody")
    store = Store(settings.store_path)
    DatasetStore(store).add_bundled()
    manifest = DatasetStore(store).get(DATASET).manifest
    spec = RunSpec.model_validate(RUN)
    run = RunStore(store).create(spec, resolve(spec, manifest), manifest)
    train_apart(settings, run.id)
    state = run.state()
    assert state.status.is_terminal, f"the run to be asked about is {state.status}"
    return {"run_id": run.id, "step": STEPS, "model": MODEL, "version": 1, "dataset": DATASET, "alias": "production"}


def configuration(known: dict[str, str | int], seed: int, examples: int, phases: tuple[str, ...]) -> str:
    """For schemathesis, as TOML. Half of all names are of something that is there."""
    lines = [
        f"seed = {seed}",
        "continue-on-failure = true",
        f"request-timeout = {PATIENCE_S}",
        'suppress-health-check = ["all"]',
        "[generation]",
        f"max-examples = {examples}",
        'database = "none"',
        "[checks]",
        f"max_response_time = {PATIENCE_S}",  # its own 10 s would tell of the machine
        *(f"[checks.{name}]\nenabled = false" for name in LEFT_OUT),
        *(f"[phases.{name}]\nenabled = {str(name in phases).lower()}" for name in PHASES),
        *(f"[dictionaries.{name}]\nvalues = [{json.dumps(value)}]" for name, value in known.items()),
        "[parameters]",
        *(f'"path.{name}" = {{ dictionary = "{name}", probability = 0.5 }}' for name in known),
        "[[operations]]",  # what it measures takes up to half a minute
        'include-path = "/train/validate"',
        "generation.max-examples = 2",
        "phases.coverage.enabled = false",
    ]
    return "\n".join(lines) + "\n"


def ask(service: OwnService, folder: Path, key: str | None, config: str) -> dict[str, Any]:
    """One run of schemathesis; its report."""
    (folder / "config.toml").write_text(config, encoding="utf-8")
    document = httpx.get(f"{service.url}/openapi.json", timeout=120, trust_env=False, headers=_bearer(key)).json()
    if key:  # while there are keys one is needed
        for operation in (operation for path in document["paths"].values() for operation in path.values()):
            operation["security"] = [way for way in operation["security"] if way]
    (folder / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    command = [
        *python_module("schemathesis.cli", "--config-file", folder / "config.toml"),
        *("run", str(folder / "openapi.json"), "--url", service.url, "--checks", "all", "--no-color"),
        *("--exclude-checks", ",".join(LEFT_OUT), "--exclude-path-regex", STREAMS),
        *("--report", "json", "--report-json-path", str(folder / "report.json")),
        *(word for name, value in _bearer(key).items() for word in ("--header", f"{name}: {value}")),
    ]
    with (folder / "said.txt").open("wb") as said:
        subprocess.run(command, cwd=folder, stdout=said, stderr=said, check=False)
    return dict(json.loads((folder / "report.json").read_text(encoding="utf-8")))


def rounds(folder: Path, seeds: Iterator[int], examples: int, phases: tuple[str, ...] = PHASES) -> Iterator[FuzzRound]:
    """A round a seed, each with a service of its own and the next kind of key."""
    (folder / "furnished").mkdir(parents=True)
    known = furnish(folder / "furnished")
    for seed in seeds:
        name = list(KEYS)[seed % len(KEYS)]
        home = folder / str(seed)
        shutil.copytree(folder / "furnished", home)
        key = _key(home, KEYS[name])
        began = time.monotonic()
        with OwnService.running(home, "api") as service:
            report = ask(service, home, key, configuration(known, seed, examples, phases))
        said = (home / "api.log").read_text(encoding="utf-8", errors="replace")
        told = (home / "said.txt").read_text(encoding="utf-8", errors="replace")
        yield FuzzRound(
            seed=seed,
            key=name,
            revision=revision(),
            cases=report["test_cases"]["generated"],
            seconds=round(time.monotonic() - began, 1),
            failures=[failure["title"] for failure in report["failures"]],
            errors=[error["title"] for error in report["errors"]],
            said="".join(FINDINGS.findall(told)).strip(),
            server_errors=said.count("unexpected error"),
        )
        shutil.rmtree(home)


def _key(home: Path, scope: KeyScope | None) -> str | None:
    """A key with this scope, in a file of keys that has an administrator's, too."""
    if scope is None:
        return None
    made = KeysFile(home / "api-keys.json").create(KeyWanted(name="fuzz", scopes=[scope]))
    return made.text.get_secret_value()


def _bearer(key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leaves nothing behind
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=20_000, help="requests, all calls together")
    parser.add_argument("--seed", type=int, help="of the first round; default: behind the last one that is noted")
    parser.add_argument("--examples", type=int, default=20, help="of an operation, in each part of a round")
    parser.add_argument("--afresh", action="store_true", help="forget the rounds that are noted")
    asked = parser.parse_args()
    measured_on = machine()
    target = RESULTS / f"fuzz-{slug(measured_on)}.json"
    report = FuzzReport(machine=measured_on)
    if target.exists() and not asked.afresh:
        report = FuzzReport.model_validate_json(target.read_text(encoding="utf-8"))
    first = asked.seed if asked.seed is not None else len(report.rounds)
    with tempfile.TemporaryDirectory(prefix="ganymede-fuzz-") as folder:
        done = rounds(Path(folder), itertools.count(first), asked.examples)
        while report.cases < asked.cases:
            report.rounds.append(next(done))
            target.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
            print(line(report.rounds[-1]), flush=True)
    print(f"{report.cases} cases, {len(report.findings)} findings")
    sys.exit(bool(report.findings) or any(each.server_errors for each in report.rounds))


def line(found: FuzzRound) -> str:
    """A round, for people."""
    head = f"round {found.seed} ({found.key}): {found.cases} cases in {found.seconds:g} s"
    return f"{head}, {found.server_errors} server errors\n{found.said}".strip()


if __name__ == "__main__":
    main()
