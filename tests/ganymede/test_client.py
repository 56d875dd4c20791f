"""The Python client: typed answers, errors, retries, addresses. Against a real API, and a server that misbehaves."""

import socket
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from ganymede import Client
from ganymede.client import connection
from ganymede.errors import ApiError, Misconfigured, NotUnderstood, Timeout, Unreachable
from ganymede.schemas.runs import RunBody
from ganymede.schemas.system import Readiness
from tests.ganymede.contract import RUN, Answer, Contract, page, problem, run_body

SMALL = {"steps": 5, "batch_size": 16, "width": 16}
OVERLOADED = problem(429, "overloaded", "try later", {"Retry-After": "0"})


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FIRST_PAUSE_S", 0.01)


def test_a_run_is_made_found_listed_and_canceled(api: str) -> None:
    with Client(api) as client:
        runs = [client.train("cgan", "mnist-10k", model=f"m{i}", config=SMALL) for i in range(3)]
        listed = [run.id for run in client.runs.list(limit=2)]
        every = [run.id for part in client.runs.pages(page_size=1) for run in part.data]
        found, canceled = client.runs.get(runs[0].id), client.runs.cancel(runs[0])

    assert isinstance(found, RunBody)
    assert (found.model, found.config) == ("m0", SMALL)
    assert listed == [runs[2].id, runs[1].id]
    assert every[:3] == [run.id for run in reversed(runs)]
    assert canceled.status == "canceled"


def test_models_datasets_and_readiness_are_typed(api: str) -> None:
    with Client(api) as client:
        assert "digits" in [model.name for model in client.models.list()]
        assert client.models.get("digits").versions[0].is_loaded
        assert [dataset.name for dataset in client.datasets.list()] == ["mnist-10k"]
        assert client.datasets.get("mnist-10k").count == 10_000
        assert client.ready().status == "ready"
        assert client.alive().status == "alive"


def test_a_refusal_names_the_field(api: str) -> None:
    with Client(api) as client, pytest.raises(ApiError, match="Invalid request") as caught:
        client.train("cgan", "mnist-10k", config={"stepz": 1})

    error = caught.value
    assert (error.status, error.code) == (422, "invalid_request")
    assert [(field.pointer, field.detail) for field in error.errors] == [("/config/stepz", "this field does not exist")]
    assert error.request_id


@pytest.mark.parametrize("name", ["../models", "a/b", "a?b=c", "%2e", "ä b", "#"])
def test_no_name_leads_to_another_route(api: str, name: str) -> None:
    with Client(api) as client, pytest.raises(ApiError) as caught:
        client.runs.get(name)

    assert caught.value.status == 404


def test_pages_are_fetched_when_they_are_needed(contract: Contract) -> None:
    contract.on(
        "GET",
        "/train",
        page(run_body("run_3"), run_body("run_2"), next_cursor="there"),
        page(run_body("run_1")),
    )

    with Client(contract.url) as client:
        runs = client.runs.list(status="running", tags={"team": "a"})
        assert (next(runs).id, len(contract.seen)) == ("run_3", 1)
        assert [run.id for run in runs] == ["run_2", "run_1"]

    assert contract.seen[0].query == {"status": ["running"], "tag.team": ["a"], "limit": ["100"]}
    assert contract.seen[1].query["cursor"] == ["there"]


def test_what_is_overloaded_is_asked_again_and_what_changes_things_is_not(contract: Contract) -> None:
    contract.on("GET", f"/train/{RUN}", OVERLOADED, OVERLOADED, Answer(run_body()))
    contract.on("POST", f"/train/{RUN}/cancel", OVERLOADED, Answer(run_body()))

    with Client(contract.url) as client:
        assert client.runs.get(RUN).id == RUN
        with pytest.raises(ApiError, match="try later"):
            client.runs.cancel(RUN)

    assert [request.method for request in contract.seen] == ["GET", "GET", "GET", "POST"]


@pytest.mark.parametrize(
    "refusal",
    [
        problem(503, "not_ready", "no model"),
        problem(503, "not_ready", "come back tomorrow", {"Retry-After": "86400"}),
        problem(500, "internal", "a bug", {"Retry-After": "0"}),
    ],
)
def test_other_refusals_are_final(contract: Contract, refusal: Answer) -> None:
    contract.on("GET", f"/train/{RUN}", refusal)

    with Client(contract.url) as client, pytest.raises(ApiError):
        client.runs.get(RUN)

    assert len(contract.seen) == 1


def test_a_service_that_stays_overloaded_is_not_asked_for_ever(contract: Contract) -> None:
    contract.on("GET", f"/train/{RUN}", OVERLOADED)

    with Client(contract.url, retries=3) as client, pytest.raises(ApiError):
        client.runs.get(RUN)

    assert len(contract.seen) == 4


def test_training_is_asked_again_under_the_same_key_when_the_connection_breaks(contract: Contract) -> None:
    under_way = problem(409, "idempotency_key_in_flight", "wait")
    contract.on("POST", "/train", broken, under_way, Answer(run_body(), 202))

    with Client(contract.url) as client:
        run = client.train("cgan", "shapes", config={"steps": 10})

    keys = {request.headers["idempotency-key"] for request in contract.seen}
    assert run.id == RUN
    assert len(contract.seen) == 3
    assert len(keys) == 1
    assert contract.seen[0].json == {"recipe": "cgan", "dataset": "shapes", "config": {"steps": 10}}


def test_two_trainings_have_two_keys_unless_one_is_given(contract: Contract) -> None:
    contract.on("POST", "/train", Answer(run_body(), 202))

    with Client(contract.url) as client:
        for key in (None, None, "mine"):
            client.train("cgan", "shapes", idempotency_key=key)

    keys = [request.headers["idempotency-key"] for request in contract.seen]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def broken(_request: object) -> Answer:
    raise ConnectionAbortedError


def test_a_connection_that_keeps_breaking_is_an_error(contract: Contract) -> None:
    contract.on("GET", "/livez", broken)

    with Client(contract.url) as client, pytest.raises(Unreachable, match="nothing answers"):
        client.alive()

    assert len(contract.seen) == 3


def test_a_service_that_is_away_and_one_that_hangs_are_told_apart() -> None:
    with socket.socket() as hanging:
        hanging.bind(("127.0.0.1", 0))
        hanging.listen()
        url = f"http://127.0.0.1:{hanging.getsockname()[1]}"
        with Client(url, timeout=0.2) as client, pytest.raises(Timeout, match="in time"):
            client.alive()
        hanging.settimeout(30)
        hanging.accept()[0].close()
        hanging.setblocking(False)
        with pytest.raises(BlockingIOError):  # not tried again
            hanging.accept()
    with Client(url, retries=0) as client, pytest.raises(Unreachable) as caught:
        client.alive()

    assert not isinstance(caught.value, Timeout)


def test_a_service_that_is_not_ready_is_an_answer(contract: Contract) -> None:
    contract.on("GET", "/readyz", Answer({"status": "not_ready", "reason": "no model", "degraded": []}, 503))

    with Client(contract.url) as client:
        assert client.ready() == Readiness(status="not_ready", reason="no model", degraded=[])


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (Answer("<html>hello</html>"), NotUnderstood, "no RunBody"),
        (Answer({"id": 3}), NotUnderstood, "is that a Ganymede service"),
        (Answer("<h1>Bad Gateway</h1>", 502), ApiError, "Bad Gateway"),
        (Answer("", 301, {"Location": "http://elsewhere/"}), ApiError, "http://elsewhere/"),
        (Answer({"detail": "theirs"}, 404), ApiError, "theirs"),
        (Answer(b"not gzip", headers={"Content-Encoding": "gzip"}), NotUnderstood, "cannot be read"),
    ],
)
def test_what_is_no_answer_of_ganymede_is_said_so(
    contract: Contract, answer: Answer, kind: type[Exception], told: str
) -> None:
    contract.on("GET", f"/train/{RUN}", answer)

    with Client(contract.url) as client, pytest.raises(kind, match=told):
        client.runs.get(RUN)


def test_a_picture_without_its_headers_is_none(contract: Contract) -> None:
    contract.on("GET", "/generate", Answer(b"png"))

    with Client(contract.url) as client, pytest.raises(NotUnderstood, match="/generate"):
        client.generate()


def test_a_key_goes_with_every_request(contract: Contract) -> None:
    contract.on("GET", "/livez", Answer({}))

    for key in ({"api_key": "secret"}, {"key": "secret"}, {"key": SecretStr("secret")}):
        with Client(contract.url, **key) as client:
            client.alive()
            assert "secret" not in f"{client!r} {vars(client)} {vars(vars(client)['_connection'])}"

    assert [request.headers["authorization"] for request in contract.seen] == ["Bearer secret"] * 3


def test_a_key_of_the_environment_is_shown_where_none_is_given(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract.on("GET", "/livez", Answer({}))
    monkeypatch.setenv("GANYMEDE_API_KEY", "theirs")

    for given, shown in ((None, "Bearer theirs"), ("mine", "Bearer mine"), ("", None)):
        with Client(contract.url, key=given) as client:
            client.alive()

        assert contract.seen[-1].headers.get("authorization") == shown
    with pytest.raises(Misconfigured, match="GANYMEDE_API_KEY: an address with a user"):
        Client(contract.url.replace("//", "//me:s3cret@"))
    monkeypatch.setenv("GANYMEDE_API_KEY", "s3cret\n")
    with pytest.raises(Misconfigured, match=r"^GANYMEDE_API_KEY: only printable ASCII") as refused:
        Client(contract.url)
    assert "s3cret" not in str(refused.value)


Call = Callable[[Client], Any]
MODEL = "/models/m/versions/2"


@pytest.mark.parametrize(
    ("method", "path", "call", "body"),
    [
        ("PATCH", f"/train/{RUN}", lambda c: c.runs.patch(RUN, notes=None, tags={"a": None}), b'{"notes":null,"tags":'),
        ("DELETE", f"/train/{RUN}", lambda c: c.runs.delete(RUN), b""),
        ("POST", f"/train/{RUN}/pause", lambda c: c.runs.pause(RUN), b""),
        ("POST", f"/train/{RUN}/resume", lambda c: c.runs.resume(RUN), b""),
        ("POST", f"/train/{RUN}/retry", lambda c: c.runs.retry(RUN), b""),
        ("DELETE", MODEL, lambda c: c.models.delete_version("m", 2), b""),
        ("DELETE", "/models/m/aliases/a", lambda c: c.models.remove_alias("m", "a"), b""),
        ("GET", f"/train/{RUN}/checkpoints/0-5/nearest", lambda c: c.runs.nearest_sheet(RUN, "0-5"), b""),
        ("GET", f"{MODEL}/samples", lambda c: c.models.samples("m", 2), b""),
    ],
)
def test_each_verb_has_its_route(contract: Contract, method: str, path: str, call: Call, body: bytes) -> None:
    contract.on(method, path, Answer(run_body()))

    with Client(contract.url) as client:
        call(client)

    assert [(request.method, request.path) for request in contract.seen] == [(method, path)]
    assert contract.seen[0].body.startswith(body)
