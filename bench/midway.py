"""What a service must survive in the midst of something: kills during an import and a publish, a damaged version,
a clock that is set back. Each says, by DeedFailed, what it saw."""

import contextlib
import io
import os
import random
import signal
import threading
import time
from pathlib import Path

import httpx
import numpy as np

from bench.outages import DeedFailed, must
from bench.proc import children
from bench.service import OwnService
from core.datasets import DatasetStore
from core.errors import GanymedeError
from core.registry import Registry
from core.runs import Run

WEIGHTS = "generator.safetensors"
PICTURES = 20_000  # an import takes long enough to be hit
PUBLISHES_WITHIN_S = 300.0
SET_BACK = "-1h"
FAKETIME = (*Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), *Path("/usr/lib").glob("faketime/libfaketime.so.1"))


def restart_api(service: OwnService, **environment: str) -> None:
    service.end("api", signal.SIGKILL)
    service.start("api", **environment)
    service.wait_until_it_answers()


def flip_version(service: OwnService, run: Run, rng: random.Random) -> None:
    """A bit of the newest version, and the API starts anew: the one before is drawn, and /readyz names this one."""
    registry, model = Registry(service.store), run.spec().model
    version = registry.versions(model)[-1]
    path = registry.folder(model, version) / WEIGHTS
    good = path.read_bytes()
    bad = bytearray(good)
    bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
    path.write_bytes(bad)
    try:
        restart_api(service)
        with service.client() as client:
            drawn = client.get("/generate", params={"model": model, "seed": rng.getrandbits(31)})
            must(drawn.status_code == 200, f"beside a damaged version: {drawn.status_code} {drawn.text[:200]}")
            must(drawn.headers["Model-Version"] != str(version), f"the damaged version {version} was drawn")
            asked = client.get("/generate", params={"model": f"{model}@{version}", "seed": 1})
            must(asked.status_code == 503, f"of the damaged version itself: {asked.status_code}")
            degraded = client.get("/readyz").json()["degraded"]
            must(any(f"{model}@{version}" in entry for entry in degraded), f"/readyz does not name it: {degraded}")
    finally:
        path.write_bytes(good)


def kill_api_in_import(service: OwnService, _run: Run, rng: random.Random) -> None:
    """The dataset is there whole, or not at all."""
    name = f"import-{rng.getrandbits(32):08x}"
    buffer = io.BytesIO()
    images = np.random.default_rng(rng.getrandbits(32)).integers(0, 256, (PICTURES, 16, 16, 1), np.uint8)
    np.savez(buffer, images=images)

    def send() -> None:
        with contextlib.suppress(httpx.TransportError), service.client() as client:
            client.post("/datasets", data={"name": name}, files={"file": ("pictures.npz", buffer.getvalue())})

    sender = threading.Thread(target=send)
    sender.start()
    time.sleep(2 * rng.random())
    restart_api(service)
    sender.join()
    with service.client() as client:
        answer = client.get(f"/datasets/{name}")
        must(answer.status_code in (200, 404), f"a dataset whose import was killed: {answer.status_code}")
        if answer.status_code == 200:
            try:
                DatasetStore(service.store).get(name).check()
            except GanymedeError as error:
                raise DeedFailed(f"half a dataset: {error}") from None
            client.delete(f"/datasets/{name}").raise_for_status()


def kill_trainer_in_publish(service: OwnService, run: Run, rng: random.Random) -> None:
    """While a version is being written, or its pointer is moved."""
    deadline = time.monotonic() + PUBLISHES_WITHIN_S
    while not _is_publishing(service) and not run.state().status.is_terminal and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.02 * rng.random())
    for pid in children(service.pid("worker")):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _is_publishing(service: OwnService) -> bool:
    """Whether a folder that is being written is that of a version: a checkpoint has its weights one folder deeper."""
    return any(True for _ in service.store.path("tmp").glob(f"*/{WEIGHTS}"))


def set_clock_back(service: OwnService, _run: Run, _rng: random.Random) -> None:
    """API and worker go on an hour earlier, until each is started again."""
    faked = {"LD_PRELOAD": str(FAKETIME[0]), "FAKETIME": SET_BACK, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    service.end("worker")
    restart_api(service, **faked)
    service.start("worker", **faked)
