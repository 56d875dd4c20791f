"""GET /train/{id}/events and GET /events: what happens, as server-sent events or (one run) as pages of JSON."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Header, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from app.deps import Services, ServicesDep
from app.errors import documented
from app.events.streams import EVENT_STREAM, STREAM_HEADERS, encode
from app.events.welcome import MayStay, may_stay
from app.http.fast_route import RawResponse
from app.http.negotiation import preferred
from app.http.routing import Router
from app.train.body import RunId, run_body
from core.errors import InvalidRequest, NotAcceptable, RunNotFound
from core.runs import Run
from core.runs.events import events_after, newest_event_id
from ganymede.schemas.bodies import Page, StrictModel
from ganymede.schemas.runs import EventBody

router = Router()

FORMS = {"json": "application/json", "stream": EVENT_STREAM}
HEAD_OF_STREAM = StreamingResponse([], headers=STREAM_HEADERS, media_type=EVENT_STREAM).raw_headers
EventId = Annotated[int, Field(ge=0, lt=10**12)]
LastEventId = Annotated[
    str | None, Header(description="The id of the last event you have; browsers send it when they come back.")
]


class EventsQuery(StrictModel):
    """The query parameters of `GET /train/{id}/events`."""

    after: EventId = Field(0, description="Only events after the one of this id.")
    type: list[str] = Field(default_factory=list, max_length=20, description="Only events of these types (JSON only).")
    limit: int = Field(200, ge=1, le=1000, description="Events a page (JSON only).")
    cursor: EventId | None = Field(None, description="`next_cursor` of the page before.")


@router.get(
    "/train/{run_id}/events",
    tags=["train"],
    responses={
        200: {"model": Page[EventBody], "content": {EVENT_STREAM: {}}, "description": "A page, or a stream."},
        204: {"description": "The run is over and you have every event: do not come back."},
        **documented(RunNotFound, NotAcceptable),
    },
)
async def read_events(
    run_id: RunId,
    request: Request,
    services: ServicesDep,
    query: Annotated[EventsQuery, Query()],
    last_event_id: LastEventId = None,
) -> Response:
    """Every event of a run, oldest first. With `Accept: text/event-stream` they come as they happen, until the end.

    A stream starts after `Last-Event-ID` (else `after`, else at the beginning) and misses nothing and repeats nothing.
    """
    run = services.runs.get(run_id)
    if preferred(request.headers.get("accept", ""), FORMS) == "stream":
        if request.method == "HEAD":
            return RawResponse(200, HEAD_OF_STREAM)
        after, is_return = _last_seen(last_event_id, query.after), last_event_id is not None
        return await _stream(run, services, after, may_stay(request, services.sessions), is_return=is_return)
    page = await asyncio.to_thread(_page, run, query)
    return JSONResponse(page.model_dump(mode="json"), headers={"Vary": "Accept"})


def _page(run: Run, query: EventsQuery) -> Page[EventBody]:
    after = query.after if query.cursor is None else query.cursor
    try:
        events = events_after(run.events_file, after)
    except FileNotFoundError:
        raise RunNotFound(f"there is no run {run.id!r}") from None
    found = [event for event in events if not query.type or event.type in query.type]
    page = [EventBody.model_validate(event.model_dump()) for event in found[: query.limit]]
    return Page(data=page, next_cursor=str(page[-1].id) if len(found) > query.limit else None)


async def _stream(run: Run, services: Services, after: int, stays: MayStay, *, is_return: bool) -> Response:
    newest = await asyncio.to_thread(newest_event_id, run.events_file)
    if is_return and after == newest and (await asyncio.to_thread(run.state)).status.is_terminal:
        return Response(status_code=204)  # an EventSource that gets this does not come back again
    first = b""
    if after > newest:  # of another store, or made up: begin anew, and say so
        first = encode("reset", (await asyncio.to_thread(run_body, run, None)).model_dump(mode="json"))
        after = 0
    events = services.streams.watch(run, after, stays)
    return StreamingResponse(_with_first(first, events), headers=STREAM_HEADERS, media_type=EVENT_STREAM)


async def _with_first(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for chunk in rest:
        yield chunk


def _last_seen(header: str | None, after: int) -> int:
    if header is None or not header.strip():
        return after
    text = header.strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 12):
        raise InvalidRequest.field("Last-Event-ID", f"the id of an event, a whole number; got {text[:80]!r}")
    return int(text)


@router.get(
    "/events",
    tags=["system"],
    response_class=StreamingResponse,
    responses={200: {"content": {EVENT_STREAM: {}}, "description": "A stream that ends with the service."}},
)
async def read_activity(request: Request, services: ServicesDep) -> Response:
    """Server-sent events of every run and model: `snapshot` first, then each run's events and `progress` with `run`.

    `model` tells that an alias or the served version changed, `deleted` that a run or model is gone.
    """
    if request.method == "HEAD":
        return RawResponse(200, HEAD_OF_STREAM)
    events = services.activity.watch(may_stay(request, services.sessions))
    return StreamingResponse(events, headers=STREAM_HEADERS, media_type=EVENT_STREAM)
