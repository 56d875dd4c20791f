"""kill -9 of the API between two deliveries: no event is lost, and none comes before one that is older."""

from pathlib import Path

import pytest

from core.runs import Run
from core.store import Store
from ganymede.schemas.states import Status
from tests.app.events.webhooks.receiver import Receiver
from tests.fixtures import StartServer, until

ALLOWED = {"WEBHOOK_NETWORKS": "127.0.0.1"}


@pytest.mark.slow
def test_a_killed_api_loses_no_event(start_server: StartServer, receiver: Receiver, tmp_path: Path) -> None:
    receiver.answer = lambda before: 200 if before % 2 else 503
    named = {f"GANYMEDE_{name}": value for name, value in ALLOWED.items()}
    first = start_server(tmp_path, **named)
    with first.client() as client:
        secret = client.post("/webhooks/secrets").json()["secret"]
        body = {"recipe": "cgan", "dataset": "mnist-10k", "webhook": {"url": receiver.url}}
        run = Run(Store(first.store), client.post("/train", json=body).raise_for_status().json()["id"])
    with run.training_lock(5.0) as is_mine:
        assert is_mine
        run.move(Status.RUNNING)
        for number in range(5):
            run.log_event("action", {"action": "test", "number": number})
        until(lambda: len(receiver.taken) >= 2, why="nothing arrives")
        first.process.kill()
        first.process.wait(300)
        run.log_event("action", {"action": "test", "number": 5})
        run.move(Status.SUCCEEDED)

    start_server(tmp_path, **named)
    until(lambda: any("run.end" in each.body.decode() for each in receiver.taken), why="the end does not arrive")

    taken = [each.id for each in receiver.received if each.status < 300]
    once = list(dict.fromkeys(taken))
    expected = [event.id for event in run.events() if event.type in ("status", "action", "end")]
    assert once == [f"msg_{run.id}_{number}" for number in expected]
    assert sorted(taken, key=once.index) == taken  # what came twice came twice in a row
    assert [each.verified(secret)["data"]["event"]["id"] for each in receiver.taken] == expected
    assert receiver.url not in (tmp_path / "log").read_text()
