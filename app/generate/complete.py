"""POST /complete: a picture with a hole in, drafts of the whole picture out. Knows no network and no file."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from app.deps import ServicesDep
from app.errors import documented
from app.events.streams import EVENT_STREAM
from app.generate.parameters import CompleteQuery
from app.generate.quota import counted
from app.generate.route import answer_of, answers, caching_of, content_of, headers_of, submit
from app.generate.sampling import MEDIA_TYPES, check
from app.generate.search import complete_by_search
from app.generate.sent_picture import BODY, with_picture
from app.generate.served import engine_for
from app.http.conditional import IfNoneMatch, is_known
from app.http.fast_route import RawResponse
from app.http.routing import Router
from core.errors import (
    InvalidRequest,
    LabelNotSupported,
    ModelCollapsed,
    PictureInvalid,
    UnsupportedMediaType,
    WrongTask,
)
from core.refs import parse_reference
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.tasks import VersionTask

REFUSED = documented(UnsupportedMediaType, InvalidRequest, PictureInvalid, LabelNotSupported, WrongTask, ModelCollapsed)
ANSWERS = answers(MEDIA_TYPES)
DRAWN = {**ANSWERS[200], "content": {**ANSWERS[200]["content"], EVENT_STREAM: {}}}

router = Router(tags=["generate"], writes=KeyScope.GENERATE)


@router.post(
    "/complete",
    response_class=Response,
    responses={**ANSWERS, **REFUSED, 200: DRAWN},
    openapi_extra={"requestBody": BODY},
)
async def complete(
    query: Annotated[CompleteQuery, Query()], request: Request, services: ServicesDep, if_none_match: IfNoneMatch = None
) -> Response:
    """Fill the hole of a picture: `n` drafts, each from its seed. The body is a PNG whose hole is transparent, or a
    form with `picture` and `mask`, in which all that is not black is the hole. Known pixels come back as they were.

    With `method=search` any model that draws fills it, in seconds; `Accept: text/event-stream` tells how far it is.
    """
    ref = parse_reference(query.model or services.settings.default_model, "model")
    if query.method == "search":
        return await complete_by_search(query, ref, request, services, if_none_match)
    if query.steps is not None:
        raise InvalidRequest.field("steps", "only a search takes steps: leave it out, or add method=search")
    engine = await engine_for(VersionTask.COMPLETION, ref, services)
    asked = check(query, engine, request.headers.get("accept", ""), services.settings.max_images)
    params = await with_picture(asked, engine, request, services)
    etag = params.etag(engine)
    headers = headers_of(engine, etag, caching_of(params, ref), params.seeds, params.labels)
    if not params.is_random and is_known(if_none_match, etag):
        services.telemetry.etag_hits.inc()
        return RawResponse(304, headers)

    with counted(len(params.latents), request, services):
        content, timing = await content_of(etag, lambda: submit(params, engine, services), request, services)
    return answer_of(content, timing, MEDIA_TYPES[params.form], headers)
