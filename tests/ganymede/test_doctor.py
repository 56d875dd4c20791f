"""`ganymede doctor`: what it finds, what it says to do, and the status it ends with."""

import json
from typing import Any

import pytest

from ganymede.schemas import VERSION
from tests.ganymede.conftest import Ganymede
from tests.ganymede.contract import Answer, Contract

READY: dict[str, Any] = {"status": "ready", "reason": None, "model": "digits@1", "degraded": []}
WORKER = {"name": "w", "host": "h", "pid": 1, "state": "idle", "current_run": None, "device": None}
WORKER |= {"started_at": None, "last_heartbeat_at": None, "is_alive": True}
STORAGE = {"free_bytes": 50_000_000_000, "total_bytes": 100_000_000_000, "datasets": 1, "models": 1, "runs": 1}
STATUS: dict[str, Any] = {
    "version": VERSION,
    "uptime_s": 1,
    "readiness": READY,
    "runs": {},
    "queue": {"waiting": [], "running": []},
    "workers": [WORKER],
    "engine": {"device": "cpu", "is_alive": True, "waiting_images": 0, "loaded": []},
    "storage": STORAGE,
}


@pytest.fixture
def healthy(contract: Contract) -> Contract:
    contract.on("GET", "/livez", Answer({"status": "alive", "version": VERSION}))
    contract.on("GET", "/readyz", Answer(READY))
    contract.on("GET", "/status", Answer(STATUS))
    return contract


def states(ganymede: Ganymede, **options: Any) -> tuple[int, dict[str, str]]:
    """Exit status, and the state of each check."""
    done = ganymede("doctor", "--json", **options)
    return done.exit_code, {check["name"]: check["state"] for check in json.loads(done.stdout)["checks"]}


def test_all_is_well(healthy: Contract, ganymede: Ganymede) -> None:
    done = ganymede("doctor")
    rows = dict(line.split("\t")[::2] for line in done.stdout.splitlines()[1:])

    assert done.exit_code == 0
    assert {line.split("\t")[1] for line in done.stdout.splitlines()[1:]} == {"ok"}
    assert done.stderr == ""
    assert rows["drawing"] == "ready, draws digits@1"
    assert rows["workers"] == "1 alive, 0 training"
    assert rows["store"] == "50 GB of 100 GB free"
    assert rows["device"] == "cpu"
    assert {"python here", "cores here", "torch here", "server here"} <= rows.keys()


@pytest.mark.parametrize(
    ("path", "body", "found"),
    [
        ("/livez", {"version": "9.9"}, {"version": "warn"}),
        ("/readyz", {**READY, "status": "not_ready", "reason": "no model"}, {"drawing": "fail"}),
        ("/readyz", {**READY, "degraded": ["redis", "model:x@2: damaged"]}, {"redis": "fail", "degraded": "warn"}),
        ("/readyz", {**READY, "degraded": ["redis: OOM command not allowed"]}, {"redis": "fail"}),
        ("/readyz", {**READY, "degraded": ["workers: none is alive, so runs wait"]}, {}),  # /status tells it
        ("/status", {**STATUS, "workers": []}, {"workers": "fail"}),
        ("/status", {**STATUS, "workers": [{**WORKER, "is_alive": False}]}, {"workers": "fail"}),
        ("/status", {**STATUS, "storage": {**STORAGE, "free_bytes": 1_000_000_000}}, {"store": "warn"}),
        ("/status", {**STATUS, "storage": {**STORAGE, "free_bytes": 1000}}, {"store": "fail"}),
        ("/status", {**STATUS, "engine": {**STATUS["engine"], "is_alive": False}}, {"device": "fail"}),
        ("/status", {"nonsense": 1}, {"status": "fail"}),
    ],
)
def test_what_is_wrong_is_found(
    healthy: Contract, ganymede: Ganymede, path: str, body: dict[str, Any], found: dict[str, str]
) -> None:
    healthy.on("GET", path, Answer(body, 503 if body.get("status") == "not_ready" else 200))

    exit_code, seen = states(ganymede)
    told = ganymede("doctor").stderr

    assert {name: state for name, state in seen.items() if state != "ok"} == found
    assert exit_code == ("fail" in found.values())
    assert all(f"{name}: " in told for name in found)


def test_what_redis_says_is_told_with_a_way_out(healthy: Contract, ganymede: Ganymede) -> None:
    healthy.on("GET", "/readyz", Answer({**READY, "degraded": ["redis: READONLY You can't write here: it: is"]}))

    done = ganymede("doctor")

    assert "redis\tfail\ttakes no runs: READONLY You can't write here: it: is" in done.stdout
    assert "GANYMEDE_REDIS_URL" in done.stderr


def test_an_older_service_is_no_failure(healthy: Contract, ganymede: Ganymede) -> None:
    healthy.on("GET", "/status", Answer({}, 404))

    assert states(ganymede)[1]["status"] == "warn"
    assert states(ganymede)[0] == 0


def test_without_a_service_this_machine_is_still_looked_at(ganymede: Ganymede) -> None:
    exit_code, seen = states(ganymede, url="http://127.0.0.1:1")

    assert exit_code == 3
    assert seen["service"] == "fail"
    assert seen["python here"] == "ok"


def test_quiet_is_what_is_not_well(healthy: Contract, ganymede: Ganymede) -> None:
    healthy.on("GET", "/livez", Answer({"version": "9.9"}))

    done = ganymede("doctor", "-q")

    assert done.stdout.splitlines()[1:] == [f"version\twarn\tservice 9.9, client {VERSION}"]
