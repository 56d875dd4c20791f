"""Delivery: every event at least once, in the order of its run, signed; to who fails, hangs up, or is gone."""

import json
import time

from prometheus_client import generate_latest

from app.events.webhooks import sender
from core.network.webhooks.progress import DeliveryProgress
from core.network.webhooks.signing import SecretsFile
from core.network.webhooks.subscription import ModelWebhooks, Subscription
from core.registry import PublishKey, Registry
from core.runs import Run
from core.store import Store
from ganymede.schemas.states import Status
from ganymede.schemas.webhooks import ModelWebhookSpec
from tests.app.events.webhooks.conftest import Delivering, NewHooked
from tests.app.events.webhooks.receiver import Received, Receiver
from tests.fixtures import until
from tests.manifests import write_manifest


def work(run: Run, actions: int = 3) -> None:
    """What happens to a run from its first worker to its end."""
    run.move(Status.RUNNING)
    for number in range(actions):
        run.log_event("metrics", {"step": number})
        run.log_event("action", {"action": "test", "number": number})
    run.move(Status.SUCCEEDED)


def expected(run: Run) -> list[str]:
    return [f"msg_{run.id}_{event.id}" for event in run.events() if event.type in ("status", "action", "end")]


def of(run: Run, received: list[Received]) -> list[str]:
    return [each.id for each in received if run.id in each.id]


def progress(run: Run) -> DeliveryProgress:
    told = run.spec().webhook
    assert told is not None
    return DeliveryProgress.find(run.webhook_file, told.created_at, 0)


def test_a_receiver_that_fails_half_of_the_time_gets_every_event_in_order_and_signed(
    new_hooked: NewHooked, receiver: Receiver, delivering: Delivering, secret: str
) -> None:
    receiver.answer = lambda before: 200 if before % 2 else 500
    runs = [new_hooked() for _ in range(3)]

    with delivering() as deliverer:
        for run in runs:
            work(run)
        until(lambda: all(of(run, receiver.taken) == expected(run) for run in runs), why="some are missing")
        text = generate_latest(deliverer.telemetry.registry).decode()

    for run in runs:
        asked = of(run, receiver.received)
        assert sorted(asked, key=lambda message: int(message.rpartition("_")[2])) == asked  # also those that failed
        assert [each.type for each in progress(run).attempts][-1] == "run.end"
    bodies = [each.verified(secret) for each in receiver.received]
    assert {body["type"] for body in bodies} == {"run.status", "run.action", "run.end"}
    ends = [body["data"] for body in bodies if body["type"] == "run.end"]
    assert {end["run"] for end in ends} == {run.id for run in runs}
    assert ends[0]["event"]["data"] == {"status": "succeeded", "step": 0}
    assert 'ganymede_webhook_attempts_total{outcome="failed"}' in text


def test_what_happens_later_is_sent_later_and_nothing_twice_after_a_restart(
    new_hooked: NewHooked, receiver: Receiver, delivering: Delivering
) -> None:
    run = new_hooked(events=["status"])
    with delivering():
        until(lambda: len(receiver.received) == 1)
        run.move(Status.RUNNING)
        until(lambda: len(receiver.received) == 2)
    run.move(Status.SUCCEEDED)
    with delivering():
        until(lambda: len(receiver.received) == 3)
        until(lambda: progress(run).cursor == run.events()[-1].id)  # of an end that nobody asked for, too
    with delivering():
        time.sleep(1)

    told = [json.loads(each.body)["data"]["event"]["data"]["status"] for each in receiver.received]
    assert told == ["queued", "running", "succeeded"]


def test_only_one_of_two_processes_delivers(new_hooked: NewHooked, receiver: Receiver, delivering: Delivering) -> None:
    run = new_hooked()
    with delivering(), delivering():
        work(run)
        until(lambda: of(run, receiver.taken) == expected(run))
        time.sleep(1)

    assert of(run, receiver.received) == expected(run)


def test_a_receiver_that_is_gone_is_asked_no_more(
    new_hooked: NewHooked, receiver: Receiver, delivering: Delivering
) -> None:
    receiver.answer = lambda _: 410
    run = new_hooked()
    work(run)
    with delivering():
        until(lambda: progress(run).is_gone)
        time.sleep(1)

    assert len(receiver.received) == 1


def test_a_redirect_is_not_followed_and_a_long_answer_is_cut(
    new_hooked: NewHooked, receiver: Receiver, delivering: Delivering
) -> None:
    receiver.answer, receiver.headers = lambda before: 307 if before == 0 else 200, {"Location": "/elsewhere"}
    receiver.text = b"x" * 10_000_000
    run = new_hooked(events=["status"])
    with delivering():
        until(lambda: progress(run).cursor == 1)

    assert [each.outcome for each in progress(run).attempts] == ["failed", "delivered"]
    assert "redirect" in str(progress(run).attempts[0].detail)
    assert sender.SHOWN < sender.MOST_BYTES < len(receiver.text)


def test_without_its_secret_nothing_is_sent_and_the_attempt_says_why(
    new_hooked: NewHooked, receiver: Receiver, delivering: Delivering, signing: SecretsFile
) -> None:
    run = new_hooked()
    signing.delete("default")
    signing.create("default", None)  # whoever made this is not who asked
    with delivering():
        until(lambda: progress(run).attempts)

    assert "the secret 'default' is another one since" in str(progress(run).attempts[0].detail)
    assert receiver.received == []


def test_a_deleted_run_ends_its_webhook_and_no_folder_comes_back(
    new_hooked: NewHooked, receiver: Receiver, delivering: Delivering, store: Store
) -> None:
    receiver.answer = lambda _: 500
    run, other = new_hooked(), new_hooked()
    run.move(Status.CANCELED)
    with delivering():
        until(lambda: of(run, receiver.received))
        run.delete()
        receiver.answer = lambda _: 200
        until(lambda: of(other, receiver.taken) == expected(other))

    assert not run.folder.exists()


def test_versions_of_a_model_are_told_from_when_its_webhook_was_set(
    store: Store, registry: Registry, receiver: Receiver, delivering: Delivering, signing: SecretsFile, secret: str
) -> None:
    def publish(step: int) -> None:
        key = PublishKey("run_00000000000000000000", 0, step)
        registry.publish("faces", key, lambda folder: write_manifest(folder, key))

    publish(1)
    wanted = ModelWebhookSpec.model_validate({"url": receiver.url})
    since = registry.pointers("faces").newest_move
    ModelWebhooks(store).set("faces", Subscription.of(wanted, signing.get("default"), None, since))
    with delivering():
        publish(2)
        registry.move_alias("faces", "mine", 1)
        registry.move_alias("faces", "production", 2, "looks good")
        until(lambda: len(receiver.taken) == 2)
        registry.move_alias("faces", "production", 1)
        until(lambda: len(receiver.taken) == 3)

    bodies = [each.verified(secret) for each in receiver.received]
    assert [(body["type"], body["data"]["version"], body["data"]["previous"]) for body in bodies] == [
        ("model.published", 2, 1),
        ("model.promoted", 2, None),
        ("model.promoted", 1, 2),
    ]
    assert bodies[1]["data"]["reason"] == "looks good"
