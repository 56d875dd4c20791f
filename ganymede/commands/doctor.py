"""`ganymede doctor`: is all well, here and there, and if not, what to do. Loads no torch and nothing of the servers."""

import importlib.metadata
import importlib.util
import json
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from ganymede.commands import show
from ganymede.commands.session import FAILED, UNREACHABLE, Session
from ganymede.schemas import VERSION

if TYPE_CHECKING:
    from ganymede.schemas.system import Readiness, StatusBody

FULL_BELOW_BYTES, LITTLE_BELOW_BYTES = 200e6, 2e9
NEEDED_FOR_UP = ("fastapi", "uvicorn", "torch", "redis", "rq", "pydantic_settings", "PIL", "safetensors")
NO_WORKER = "start one (python -P -m worker, or ganymede up); one that was started says in its log why it does not work"
NO_SERVER = "none here, and the client needs none"


@dataclass(frozen=True)
class Check:
    """One check; `todo`: what to do if it is not `ok`."""

    name: str
    state: Literal["ok", "warn", "fail"]
    found: str
    todo: str = ""


def doctor(session: Session) -> int:
    """Check the service and this machine; says what to do. Status 0: nothing fails; 3: the service is away."""
    if session.curl:
        for call in (session.client.alive, session.client.ready, session.client.status):
            session.step(call)
        return 0
    is_there, remote = _service(session)
    checks = [*remote, *_local()]
    if session.as_json:
        show.line(json.dumps({"checks": [asdict(check) for check in checks]}))
    else:
        shown = [check for check in checks if not session.quiet or check.state != "ok"]
        show.table(("CHECK", "STATE", "FOUND"), [(check.name, check.state, check.found) for check in shown])
        for check in shown:
            if check.todo:
                session.say(f"{check.name}: {show.clean(check.todo)}", "red" if check.state == "fail" else "yellow")
    return UNREACHABLE if not is_there else FAILED if any(check.state == "fail" for check in checks) else 0


def _service(session: Session) -> tuple[bool, list[Check]]:
    """Return whether the service answers, and all checks of it."""
    from ganymede.errors import ApiError, ClientError, Unreachable

    client, checks = session.client, list[Check]()
    asked: dict[str, Callable[[], Iterator[Check]]] = {
        "service": lambda: _version(client.url, client.alive().version),
        "drawing": lambda: _readiness(client.ready()),
        "status": lambda: _status(client.status()),
    }
    for name, ask in asked.items():
        try:
            checks += ask()
        except Unreachable as error:
            todo = "start it with `ganymede up`, or name another address with --url or GANYMEDE_URL"
            return False, [*checks, Check("service", "fail", str(error), todo)]
        except ClientError as error:
            is_older = isinstance(error, ApiError) and error.status == 404
            todo = "the service is of another version" if is_older else "look into the service's log"
            checks.append(Check(name, "warn" if is_older else "fail", str(error), todo))
    return True, checks


def _version(url: str, version: str) -> Iterator[Check]:
    yield Check("service", "ok", f"answers at {url}")
    if version == VERSION:
        yield Check("version", "ok", version)
    else:
        yield Check("version", "warn", f"service {version}, client {VERSION}", "install the same version on both sides")


def _readiness(ready: "Readiness") -> Iterator[Check]:
    if ready.status == "ready":
        yield Check("drawing", "ok", f"ready, draws {ready.model}")
    else:
        found = ready.reason or ready.status
        yield Check("drawing", "fail", found, "publish the model, or name another in GANYMEDE_DEFAULT_MODEL")
    for what in ready.degraded:
        part, _, reason = what.partition(": ")
        if what == "redis":
            yield Check("redis", "fail", "away: nothing trains", "start it, or correct GANYMEDE_REDIS_URL")
        elif part == "redis":
            todo = "mend that at Redis, or correct GANYMEDE_REDIS_URL; runs that wait are queued by themselves then"
            yield Check("redis", "fail", f"takes no runs: {reason}", todo)
        elif part != "workers":  # told by _status
            yield Check("degraded", "warn", what, "the version before is served; `ganymede models show` says more")
    if not any(what.partition(": ")[0] == "redis" for what in ready.degraded):
        yield Check("redis", "ok", "answers, and takes runs")


def _status(status: "StatusBody") -> Iterator[Check]:
    alive = [worker for worker in status.workers or () if worker.is_alive]
    if alive:
        busy = sum(worker.current_run is not None for worker in alive)
        groups = [f"{one.processes} processes on {', '.join(one.hosts)}" for one in alive if one.processes > 1]
        said = [f"{len(alive)} alive, {busy} training", *(f"a group of {group}" for group in groups)]
        yield Check("workers", "ok", "; ".join(said))
    elif status.workers is not None:  # None: Redis is away, as told above
        yield Check("workers", "fail", "none alive: runs wait", NO_WORKER)
    waiting = len(status.queue.waiting) if status.queue else 0
    yield Check("queue", "ok", f"{waiting} waiting")
    free = status.storage.free_bytes
    found = f"{show.size(free)} of {show.size(status.storage.total_bytes)} free"
    if free >= LITTLE_BELOW_BYTES:
        yield Check("store", "ok", found)
    else:
        todo = "make room: ganymede runs rm, ganymede models rm"
        yield Check("store", "fail" if free < FULL_BELOW_BYTES else "warn", found, todo)
    engine = status.engine
    yield Check("device", "ok" if engine.is_alive else "fail", engine.device, "" if engine.is_alive else "restart it")


def _local() -> Iterator[Check]:
    from core.machine.cores import available_cores  # here: the client needs nothing of core

    yield Check("python here", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield Check("cores here", "ok", f"{available_cores()} of {os.cpu_count()}")
    try:
        yield Check("torch here", "ok", importlib.metadata.version("torch"))
    except importlib.metadata.PackageNotFoundError:
        yield Check("torch here", "ok", NO_SERVER)
    missing = [name for name in NEEDED_FOR_UP if importlib.util.find_spec(name) is None]
    found = f"`ganymede up` lacks {', '.join(missing)}" if missing else "`ganymede up` can run"
    yield Check("server here", "ok", found if len(missing) < len(NEEDED_FOR_UP) else NO_SERVER)
