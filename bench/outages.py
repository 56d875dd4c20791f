"""What a service must do without for a while: its broker, room on its disk. Each says, by DeedFailed, what it saw.

The rule for all of them: what trains goes on, or says why not; pictures are drawn; what is asked for is accepted, or
refused by name; `/readyz` tells the truth.
"""

import contextlib
import random
import shutil
import time
from collections.abc import Callable, Iterator

import httpx
import redis

from bench.service import OwnService
from bench.small_disk import fill, free
from core.runs import Run
from ganymede.schemas.states import Status

COMES_BACK_WITHIN_S = 60.0
LOOK_EVERY_S = 0.5
LONG_S = 60.0
SMALL = {"recipe": "cgan", "dataset": "mnist-10k", "config": {"steps": 1, "extractor": "none"}}


class DeedFailed(Exception):
    """The service did not bear it as it should; the text says what was seen."""


def must(holds: object, text: str) -> None:
    if not holds:
        raise DeedFailed(text)


def draws(service: OwnService) -> bool:
    """Whether a picture that nobody has asked for is drawn."""
    with contextlib.suppress(httpx.TransportError), service.client() as client:
        answer = client.get("/generate", params={"model": "digits", "seed": random.getrandbits(31)})
        return answer.status_code == 200
    return False


@contextlib.contextmanager
def broker_away(service: OwnService, *, emptied: bool = False) -> Iterator[None]:
    """`emptied`: what it kept is gone for ever."""
    process = service.broker.process
    assert process is not None
    process.kill()
    process.wait()
    try:
        if emptied:
            shutil.rmtree(service.broker.data)
        yield
    finally:
        service.broker.start()


@contextlib.contextmanager
def told(service: OwnService, first: tuple[str, ...], then: tuple[str, ...]) -> Iterator[None]:
    """The broker, before and after."""
    with redis.Redis.from_url(f"unix://{service.broker.socket_path}") as client:
        client.execute_command(*first)
        try:
            yield
        finally:
            client.execute_command(*then)


def broker_read_only(service: OwnService) -> contextlib.AbstractContextManager[None]:
    return told(service, ("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"))


def sit_out(
    service: OwnService, run: Run, outage: Callable[[], contextlib.AbstractContextManager[None]], seconds: float
) -> None:
    """Judge the service without its broker for so long, and whether the queue comes back from the files."""
    with service.client() as client:
        with outage():
            before, asked = run.state(), _accepted(client)
            is_told, deadline = False, time.monotonic() + seconds
            while time.monotonic() < deadline:
                must(draws(service), "no picture was drawn while the broker was away")
                is_told = is_told or _tells_of_redis(client)
                time.sleep(LOOK_EVERY_S)
            must(is_told, "/readyz did not tell of the broker")
            now = run.state()
            is_moving = now.progress.step > before.progress.step or now.last_heartbeat_at != before.last_heartbeat_at
            must(now.status.is_terminal or is_moving, "the run stood still while the broker was away")
        _until(lambda: not _tells_of_redis(client), "/readyz tells of the broker still, though it is back")
        _until(lambda: _is_queued_or_taken(client, asked), f"{asked} did not come back into the queue")
        client.post(f"/train/{asked}/cancel")  # if it is over, it is refused


def leave_broker_away(service: OwnService, run: Run, seconds: float) -> None:
    sit_out(service, run, lambda: broker_away(service), seconds)


def lose_broker(service: OwnService, run: Run, seconds: float) -> None:
    sit_out(service, run, lambda: broker_away(service, emptied=True), seconds)


def make_broker_read_only(service: OwnService, run: Run, seconds: float) -> None:
    sit_out(service, run, lambda: broker_read_only(service), seconds)


def fill_disk(service: OwnService, run: Run, _rng: random.Random) -> None:
    """No byte is left: the run fails by that name, changes are refused, and a retry goes on when there is room."""
    root = service.store.root
    with service.client() as client:
        fill(root)
        try:
            _until(lambda: run.state().status.is_terminal, "", or_go_on=True)
            fill(root)  # what the last word of the run has left
            must(draws(service), "no picture was drawn while the disk was full")
            answer = client.post("/train", json=SMALL)
            must(answer.status_code == 507, f"POST /train on a full disk: {answer.status_code} {answer.text[:200]}")
        finally:
            free(root)
        state = run.state()
        if state.status is Status.FAILED:
            must(state.failure and state.failure.code == "store_full", f"the failure of a full disk: {state.failure}")
            client.post(f"/train/{run.id}/retry").raise_for_status()
        # else it was over, or could not even say that it failed: then it goes on by itself


def _accepted(client: httpx.Client) -> str:
    answer = client.post("/train", json=SMALL)
    must(answer.status_code == 202, f"POST /train without a broker: {answer.status_code} {answer.text[:200]}")
    return str(answer.json()["id"])


def _tells_of_redis(client: httpx.Client) -> bool:
    return any(entry.startswith("redis") for entry in client.get("/readyz").json().get("degraded", []))


def _is_queued_or_taken(client: httpx.Client, run_id: str) -> bool:
    """Whether the queue has it, or a worker had it already."""
    queue = client.get("/queue")
    if queue.status_code != 200:
        return False
    waiting = [entry["run"] for entry in queue.json()["waiting"]]
    return run_id in waiting or client.get(f"/train/{run_id}").json()["status"] != "queued"


def _until(holds: Callable[[], bool], why: str, *, or_go_on: bool = False) -> None:
    deadline = time.monotonic() + COMES_BACK_WITHIN_S
    while not holds():
        if time.monotonic() > deadline:
            must(or_go_on, why)
            return
        time.sleep(LOOK_EVERY_S)
