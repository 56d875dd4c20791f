"""/webhooks: what may be asked, what is refused at which field, what is told, and what is shown once."""

import logging
from typing import Any

import httpx
import pytest

from core.datasets import Dataset
from core.keys import KeysFile, KeyWanted
from core.registry import Registry
from core.settings import Settings
from ganymede.schemas.keys import KeyScope
from tests.app.events.webhooks.receiver import Receiver
from tests.fixtures import Eventually, PublishTiny

TRAIN: dict[str, Any] = {"recipe": "cgan", "dataset": "shapes"}
ALL_BUT_ADMIN = tuple(scope for scope in KeyScope if scope is not KeyScope.ADMIN)


@pytest.fixture
def training(client: httpx.AsyncClient, shapes: Dataset) -> httpx.AsyncClient:
    return client


async def new_secret(client: httpx.AsyncClient, name: str = "default") -> str:
    answer = await client.post("/webhooks/secrets", json={"name": name})
    assert answer.status_code == 201, answer.text
    assert "no-store" in answer.headers["Cache-Control"]
    return str(answer.json()["secret"])


async def test_the_events_of_a_run_arrive_and_the_attempts_are_shown(
    training: httpx.AsyncClient, receiver: Receiver, eventually: Eventually
) -> None:
    secret = await new_secret(training)
    asked = {"url": receiver.url, "events": ["status", "end"]}

    run = (await training.post("/train", json={**TRAIN, "webhook": asked})).json()
    await training.post(f"/train/{run['id']}/cancel")

    async def are_there() -> bool:
        return len(receiver.taken) == 3

    await eventually(are_there)
    assert run["webhook"] == {**asked, "secret": "default"}
    told = [each.verified(secret) for each in receiver.taken]
    assert [each["type"] for each in told] == ["run.status", "run.status", "run.end"]
    assert {each["data"]["model"] for each in told} == {"shapes"}

    async def is_done() -> bool:
        return bool((await training.get(f"/webhooks/runs/{run['id']}")).json()["cursor"] >= 3)

    await eventually(is_done)
    shown = (await training.get(f"/webhooks/runs/{run['id']}")).json()
    listed = (await training.get("/webhooks")).json()["data"]
    assert [each["outcome"] for each in shown["attempts"]] == ["delivered"] * 3
    assert (shown["attempts"][0]["message"], shown["next_at"]) == (receiver.taken[-1].id, None)
    assert [(each["about"], len(each["attempts"])) for each in listed] == [(f"runs/{run['id']}", 1)]


REFUSED = [
    ("https://127.0.0.1/", "not public"),
    ("https://[::1]/", "not public"),
    ("https://10.1.2.3/", "not public"),
    ("https://169.254.169.254/latest/meta-data", "not public"),
    ("https://[::ffff:10.0.0.1]/", "not public"),
    ("https://100.64.0.1/", "not public"),
    ("https://localhost:6379/", "not public"),
    ("http://8.8.8.8/", "https is needed"),
    ("ftp://hooks.example/", "an address such as"),
    ("https://me:password@hooks.example/", "an address such as"),
]


@pytest.mark.parametrize(("url", "told"), REFUSED)
async def test_by_default_nothing_private_is_sent_to_and_the_field_is_named(
    settings: Settings, training: httpx.AsyncClient, url: str, told: str
) -> None:
    services = training._transport.app.state.services  # type: ignore[attr-defined]
    services.sender.allowed = ()  # as without GANYMEDE_WEBHOOK_NETWORKS
    await new_secret(training)

    answers = {
        "/webhook/url": await training.post("/train", json={**TRAIN, "webhook": {"url": url}}),
        "/url": await training.post("/webhooks/test", json={"url": url}),
    }
    answers |= {"/url ": await training.put("/webhooks/models/tiny", json={"url": url})}
    answers |= {"/webhook/url ": await training.post("/train/validate", json={**TRAIN, "webhook": {"url": url}})}

    for pointer, answer in answers.items():
        assert answer.status_code == 422, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
        (error,) = answer.json()["errors"]
        assert error["pointer"] == pointer.strip()
        assert told in error["detail"]
    assert (await training.get("/train")).json()["data"] == []
    assert (await training.get("/webhooks")).json()["data"] == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"secret": "nobody"}, "/webhook/secret"),
        ({"events": ["metrics"]}, "/webhook/events/0"),
        ({"events": []}, "/webhook/events"),
        ({"url": None}, "/webhook/url"),
        ({"urls": "x"}, "/webhook/urls"),
    ],
)
async def test_a_wrong_field_of_a_webhook_is_named(
    training: httpx.AsyncClient, receiver: Receiver, change: dict[str, Any], pointer: str
) -> None:
    await new_secret(training)

    answer = await training.post("/train", json={**TRAIN, "webhook": {"url": receiver.url, **change}})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_secret_is_shown_once_and_never_again(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    caplog.set_level(logging.DEBUG)
    first = await new_secret(client, "mine")
    rotated = (await client.post("/webhooks/secrets/mine/rotate", json={"old_for": 60})).json()

    listed = await client.get("/webhooks/secrets")
    again = await client.post("/webhooks/secrets", json={"name": "mine"})

    assert rotated["secret"] != first
    (shown,) = listed.json()["data"]
    assert shown.keys() == {"name", "made_by", "created_at", "old_until"}
    assert shown["old_until"] > shown["created_at"]
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    audit = settings.audit_path.read_text()
    for text in (first, rotated["secret"]):
        assert text not in listed.text + again.text + caplog.text + audit
    assert (await client.delete("/webhooks/secrets/mine")).status_code == 204
    assert (await client.post("/webhooks/secrets/mine/rotate")).status_code == 404


async def test_after_a_rotation_old_and_new_secret_verify_until_the_old_one_is_over(
    client: httpx.AsyncClient, receiver: Receiver
) -> None:
    first = await new_secret(client)
    second = (await client.post("/webhooks/secrets/default/rotate")).json()["secret"]
    await client.post("/webhooks/test", json={"url": receiver.url})
    third = (await client.post("/webhooks/secrets/default/rotate", json={"old_for": 0})).json()["secret"]
    await client.post("/webhooks/test", json={"url": receiver.url})

    both, last = receiver.received
    assert both.verified(first) == both.verified(second)
    last.verified(third)
    assert len(last.headers["webhook-signature"].split()) == 1


async def test_a_test_tells_what_the_receiver_said(client: httpx.AsyncClient, receiver: Receiver) -> None:
    secret = await new_secret(client)
    receiver.answer = lambda before: 200 if before == 0 else 418

    taken = (await client.post("/webhooks/test", json={"url": receiver.url})).json()
    refused = (await client.post("/webhooks/test", json={"url": receiver.url})).json()
    unheard = (await client.post("/webhooks/test", json={"url": "http://127.0.0.1:1/"})).json()

    assert (taken["is_delivered"], taken["status"], taken["text"]) == (True, 200, "thank you")
    assert (refused["is_delivered"], refused["status"]) == (False, 418)
    assert (unheard["is_delivered"], unheard["status"], unheard["detail"]) == (False, None, "no connection")
    assert receiver.received[0].id == taken["message"]
    assert receiver.received[0].verified(secret)["type"] == "webhook.test"


async def test_a_model_has_one_webhook_which_ends_with_the_model(
    client: httpx.AsyncClient, receiver: Receiver, publish_tiny: PublishTiny, eventually: Eventually, registry: Registry
) -> None:
    await new_secret(client)
    publish_tiny("faces")
    first = await client.put("/webhooks/models/faces", json={"url": receiver.url, "events": ["promoted"]})
    await client.put("/models/faces/aliases/production", json={"version": 1})

    async def is_there() -> bool:
        return len(receiver.taken) == 1

    await eventually(is_there)
    second = (await client.put("/webhooks/models/faces", json={"url": receiver.url})).json()

    assert (first.status_code, first.json()["events"]) == (200, ["promoted"])
    assert (second["events"], second["attempts"]) == (["published", "promoted"], [])
    assert second["cursor"] == registry.pointers("faces").newest_move
    assert (await client.get("/webhooks/models/faces")).json()["about"] == "models/faces"
    assert (await client.put("/webhooks/models/nobody", json={"url": receiver.url})).status_code == 404
    assert (await client.delete("/models/faces")).status_code == 204
    assert (await client.get("/webhooks/models/faces")).status_code == 404
    assert (await client.delete("/webhooks/models/faces")).status_code == 404


async def test_a_list_of_webhooks_comes_in_pages(
    training: httpx.AsyncClient, receiver: Receiver, publish_tiny: PublishTiny
) -> None:
    await new_secret(training)
    for name in ("a", "b"):
        publish_tiny(name)
        await training.put(f"/webhooks/models/{name}", json={"url": receiver.url})
    runs = [
        (await training.post("/train", json={**TRAIN, "webhook": {"url": receiver.url}})).json()["id"] for _ in range(2)
    ]
    await training.post("/train", json=TRAIN)

    seen, cursor = list[str](), None
    while True:
        page = (await training.get("/webhooks", params={"limit": 1} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [each["about"] for each in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == ["models/a", "models/b", *(f"runs/{run}" for run in sorted(runs, reverse=True))]


async def test_a_webhook_needs_a_scope_and_a_secret_of_ones_own(
    training: httpx.AsyncClient, receiver: Receiver, settings: Settings
) -> None:
    keys = KeysFile(settings.keys_path)

    def headers(name: str, *scopes: KeyScope) -> dict[str, str]:
        made = keys.create(KeyWanted(name=name, scopes=scopes))
        return {"Authorization": f"Bearer {made.text.get_secret_value()}"}

    ann, bob = headers("ann", *ALL_BUT_ADMIN), headers("bob", *ALL_BUT_ADMIN)
    trainer, body = headers("trainer", KeyScope.TRAIN), {**TRAIN, "webhook": {"url": receiver.url}}
    made = await training.post("/webhooks/secrets", headers=ann)

    refused = [
        await training.post("/webhooks/secrets", json={"name": "x"}, headers=trainer),
        await training.post("/train", json=body, headers=trainer),
        await training.post("/train", json=body, headers=bob),
        await training.post("/webhooks/test", json={"url": receiver.url}, headers=bob),
        await training.post("/webhooks/secrets/default/rotate", headers=bob),
    ]
    taken = await training.post("/train", json=body, headers=ann)

    assert made.json()["made_by"]["name"] == "ann"
    assert [each.status_code for each in refused] == [403] * 5
    assert [each.json()["scope"] for each in refused] == ["webhooks:write"] * 2 + ["admin"] * 3
    assert taken.status_code == 202
    assert (await training.get(f"/webhooks/runs/{taken.json()['id']}", headers=bob)).json()["made_by"]["name"] == "ann"
