"""Streams over a real connection: cut and taken up again, many at once, and the end of the service."""

import json
import random
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from core.runs import Run, RunStore
from core.store import Store
from ganymede.schemas.specs import RunSpec
from ganymede.schemas.states import Status
from tests.fixtures import PLAIN, Server, StartServer
from tests.manifests import dataset_manifest
from tests.records import numbers

EVENTS = 150


@pytest.fixture
def run(server: Server) -> Run:
    """A queued run in the store of the server; nobody trains it but the test."""
    return RunStore(Store(server.store)).create(
        RunSpec(recipe="cgan", dataset="shapes"), numbers(100), dataset_manifest()
    )


@contextmanager
def stream(server: Server, path: str, last: int | None = None) -> Iterator[Iterator[dict[str, Any]]]:
    headers = {"Accept": "text/event-stream"} | ({} if last is None else {"Last-Event-ID": str(last)})
    url = f"{server.url}{path}"
    with httpx.stream("GET", url, headers=headers, **PLAIN) as answer:
        yield messages(answer) if answer.status_code == 200 else iter(())


def messages(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
        elif fields:
            yield {"event": fields.get("event"), "id": int(fields.get("id", 0)), "data": json.loads(fields["data"])}
            fields = {}


def watch_with_losses(server: Server, run: Run, seed: int) -> list[int]:
    """Watch a run to its end, losing the connection again and again; the ids in the order they came."""
    luck, seen = random.Random(seed), list[int]()
    while True:
        patience = luck.randint(1, 40)
        with stream(server, f"/train/{run.id}/events", seen[-1] if seen else None) as incoming:
            for message in incoming:
                if message["id"]:
                    seen.append(message["id"])
                    patience -= 1
                if message["event"] == "end":
                    return seen
                if not patience:
                    break


def test_who_loses_the_connection_again_and_again_gets_every_event_once(server: Server, run: Run) -> None:
    def train() -> None:
        luck = random.Random(0)
        for step in range(EVENTS):
            run.log_event("sample", {"step": step})
            time.sleep(luck.random() * 0.02)
        run.move(Status.CANCELED)

    with ThreadPoolExecutor(9) as pool:
        watchers = [pool.submit(watch_with_losses, server, run, seed) for seed in range(8)]
        train()
        seen = [watcher.result(60) for watcher in watchers]

    assert all(ids == list(range(1, EVENTS + 4)) for ids in seen)  # queued, the samples, canceled, end


def test_an_event_comes_soon_after_it_was_written(server: Server, run: Run) -> None:
    with stream(server, f"/train/{run.id}/events", last=1) as incoming:
        threading.Timer(0.3, run.log_event, ("sample", {"step": 5})).start()

        message = next(message for message in incoming if message["id"])

    assert (message["event"], message["data"]["data"]) == ("sample", {"step": 5})


def test_progress_is_told_when_it_changes(server: Server, run: Run) -> None:
    with stream(server, f"/train/{run.id}/events") as incoming:
        first = next(message for message in incoming if message["event"] == "progress")
        run.change(
            lambda now: now.model_copy(
                update={"progress": now.progress.model_copy(update={"step": 7, "images_seen": 70})}
            )
        )
        second = next(message for message in incoming if message["event"] == "progress")

    assert (first["id"], first["data"]["step"]) == (0, 0)
    assert (second["data"]["step"], second["data"]["fraction"], second["data"]["images_seen"]) == (7, 0.07, 70)


def test_the_stream_of_everything_begins_with_what_is_so_now(server: Server, run: Run) -> None:
    store = RunStore(Store(server.store))

    with stream(server, "/events") as incoming:
        snapshot = next(incoming)
        run.log_event("sample", {"step": 5})
        sample = next(message for message in incoming if message["event"] == "sample")
        other = store.create(RunSpec(recipe="cgan", dataset="shapes"), numbers(5), dataset_manifest())
        queued = next(message for message in incoming if message["event"] == "status")
        store.store.delete(other.key)
        deleted = next(message for message in incoming if message["event"] == "deleted")

    assert snapshot["event"] == "snapshot"
    assert run.id in [body["id"] for body in snapshot["data"]["runs"]]
    assert "digits" in [body["name"] for body in snapshot["data"]["models"]]
    assert (sample["data"]["run"], sample["data"]["data"]) == (run.id, {"step": 5})
    assert (queued["data"]["run"], queued["data"]["data"]["status"]) == (other.id, "queued")
    assert deleted["data"] == {"run": other.id}


def test_the_service_can_be_stopped_while_it_is_watched(start_server: StartServer) -> None:
    server = start_server()
    run = RunStore(Store(server.store)).create(RunSpec(recipe="cgan", dataset="shapes"), numbers(9), dataset_manifest())

    with stream(server, "/events") as everything, stream(server, f"/train/{run.id}/events") as one:
        next(everything)
        next(one)
        server.process.send_signal(signal.SIGTERM)
        rest = list(everything), list(one)
        server.process.wait(300)

    assert all(not message["id"] for message in rest[1])
    log = (server.store.parent / "log").read_text()
    assert "Finished server process" in log
    assert "graceful shutdown exceeded" not in log  # not the whole grace for requests under way


def test_a_run_whose_log_cannot_be_read_hides_nothing_else_from_the_stream_of_everything(
    server: Server, run: Run
) -> None:
    (run.folder / "events.jsonl").unlink()
    (run.folder / "events.jsonl").mkdir()

    with stream(server, "/events") as incoming:
        first = next(incoming)

    assert first["event"] == "snapshot"
