"""Events followed over broken connections: none twice, none left out, an end. A real server that breaks on purpose."""

from collections.abc import Iterator
from typing import Any

import pytest

from ganymede import Client
from ganymede.client import follow
from ganymede.errors import ApiError, NotUnderstood, Unreachable
from ganymede.schemas.runs import EventBody, ProgressMessage
from tests.ganymede.contract import RUN, Answer, Contract, event, page, problem, run_body, serving, status, stream

EVENTS = f"/train/{RUN}/events"


@pytest.fixture
def contract(monkeypatch: pytest.MonkeyPatch) -> Iterator[Contract]:
    monkeypatch.setattr(follow, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(follow, "LONGEST_PAUSE_S", 0.02)
    with serving() as server:
        server.on("GET", f"/train/{RUN}", Answer(run_body(status="succeeded")))
        yield server


def ids(contract: Contract, after: int | None = None, **options: Any) -> list[int]:
    with Client(contract.url, retries=0) as client:
        return [each.id for each in client.runs.events(RUN, after, **options)]


def test_events_come_in_order_until_the_end(contract: Contract) -> None:
    contract.on("GET", EVENTS, stream(status(1, "queued"), event(2), event(3, "end")), page())

    assert ids(contract) == [1, 2, 3]
    assert contract.seen[0].headers["accept"] == "text/event-stream"
    assert "last-event-id" not in contract.seen[0].headers


def test_the_end_of_an_attempt_that_was_retried_is_not_the_end(contract: Contract) -> None:
    contract.on("GET", EVENTS, stream(event(1), event(2, "end"), status(3, "queued"), event(4, "end")), page())

    assert ids(contract) == [1, 2, 3, 4]


def test_a_broken_stream_is_taken_up_after_the_last_event_that_came(contract: Contract) -> None:
    contract.on("GET", EVENTS, stream(event(1), event(2), is_cut=True), stream(event(3), event(4, "end")))

    assert ids(contract) == [1, 2, 3, 4]
    assert [request.headers.get("last-event-id") for request in contract.asked(EVENTS)] == [None, "2"]


def test_half_an_event_is_not_an_event(contract: Contract) -> None:
    half = b'id: 2\nevent: metrics\ndata: {"id": 2, "type": "metrics", "at": "", "data": {}}\n'
    contract.on("GET", EVENTS, stream(event(1), half, is_cut=True), stream(event(2), event(3, "end")))

    assert ids(contract) == [1, 2, 3]


def test_what_is_sent_again_is_told_once(contract: Contract) -> None:
    again = stream(event(1), event(2), event(2), event(3, "end"))
    contract.on("GET", EVENTS, stream(event(1), event(2), is_cut=True), again)

    assert ids(contract) == [1, 2, 3]


def test_a_hole_is_filled_from_the_stored_events(contract: Contract) -> None:
    live = stream(event(1), event(5), event(6, "end"))

    def either(request: Any) -> Answer:
        if request.headers["accept"] == "text/event-stream":
            return live
        return page(*(event(number) for number in range(int(request.query["after"][0]) + 1, 6)))

    contract.on("GET", EVENTS, either)

    assert ids(contract) == [1, 2, 3, 4, 5, 6]


def test_after_names_where_to_begin(contract: Contract) -> None:
    contract.on("GET", EVENTS, stream(event(8), event(9, "end")))

    assert ids(contract, after=7) == [8, 9]
    assert contract.seen[0].headers["last-event-id"] == "7"


def test_a_service_that_lost_its_newest_events_goes_on_where_it_is(contract: Contract) -> None:
    reset = b"event: reset\ndata: {}\n\n"
    after_crash = stream(reset, event(1), event(2), event(3), event(4, "end"))
    streams = [stream(event(1), event(2), event(3), is_cut=True), after_crash]

    def either(request: Any) -> Answer:
        return streams.pop(0) if request.headers["accept"] == "text/event-stream" else page(event(1), event(2))

    contract.on("GET", EVENTS, either)

    assert ids(contract) == [1, 2, 3, 3, 4]  # 3 of before the crash, and 3 of after it


def test_progress_comes_between_and_strangers_are_passed_over(contract: Contract) -> None:
    now = {"step": 3, "total": 10, "fraction": 0.3, "images_seen": 48, "images_per_second": 7.5, "eta_at": None}
    strange = b'event: heartbeat\ndata: {}\n\nevent: progress\ndata: nonsense\n\nevent: new\ndata: {"id": "x"}\n\n'
    contract.on("GET", EVENTS, stream(event(1), {**now, "metrics": {"g_loss": None}}, strange, event(2, "end")))

    with Client(contract.url) as client:
        came = list(client.runs.watch(RUN))

    assert [type(each) for each in came] == [EventBody, ProgressMessage, EventBody]
    assert came[1].step == 3  # type: ignore[union-attr]


def test_a_run_that_is_over_ends_it_also_without_an_end_of_its_own(contract: Contract) -> None:
    lost_end = b'event: end\ndata: {"data": {"status": "failed"}}\n\n'
    contract.on("GET", f"/train/{RUN}", Answer(run_body(status="failed")))
    contract.on("GET", EVENTS, stream(event(1), event(2), lost_end), page())

    assert ids(contract) == [1, 2]


def test_who_has_every_event_of_a_run_that_is_over_gets_none(contract: Contract) -> None:
    contract.on("GET", f"/train/{RUN}", Answer(run_body(status="failed")))
    contract.on("GET", EVENTS, Answer(b"", 204), page())

    assert ids(contract, after=9) == []


def test_a_service_that_is_starting_is_waited_for(contract: Contract) -> None:
    contract.on(
        "GET", EVENTS, stream(event(1), is_cut=True), problem(503, "not_ready", "draining"), stream(event(2, "end"))
    )
    broke: list[str] = []

    with Client(contract.url, retries=0) as client:
        came = list(client.runs.watch(RUN, on_break=lambda error: broke.append(str(error))))

    assert [each.id for each in came if isinstance(each, EventBody)] == [1, 2]
    assert len(broke) == 2
    assert "draining" in broke[1]


def test_a_run_that_is_gone_is_an_error_at_once(contract: Contract) -> None:
    contract.on("GET", EVENTS, stream(event(1), is_cut=True), problem(404, "run_not_found", "there is no run"))

    with pytest.raises(ApiError, match="there is no run") as caught:
        ids(contract)

    assert caught.value.code == "run_not_found"


def test_a_service_that_stays_away_is_given_up() -> None:
    with serving() as contract:
        url = contract.url

    with Client(url, retries=0) as client, pytest.raises(Unreachable, match="nothing answers"):
        list(client.runs.events(RUN, give_up_after_s=0))


def test_an_answer_that_is_no_stream_is_refused(contract: Contract) -> None:
    contract.on("GET", EVENTS, page())

    with pytest.raises(NotUnderstood, match="does not answer with events"):
        ids(contract)
