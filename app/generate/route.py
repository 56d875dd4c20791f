"""GET and POST /generate: a seed and perhaps a label in, a picture or a sound out. Knows no network and no file."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response

from app.deps import Services, ServicesDep
from app.engine.engine import Engine
from app.engine.request import EngineRequest
from app.errors import documented
from app.generate.admission import refused_unread
from app.generate.formats import encode, safe, work_of
from app.generate.parameters import Format, GenerateBody, GenerateQuery
from app.generate.quota import counted
from app.generate.sampling import MEDIA_TYPES, OF_SOUNDS, SamplingParams, check
from app.generate.served import engine_for
from app.http.conditional import IMMUTABLE, IfNoneMatch, is_known
from app.http.fast_route import RawHeaders, RawResponse
from app.http.hang_up import until_gone
from app.http.proxy import address
from app.http.routing import Router, repeated
from core.errors import (
    CheckpointNotFound,
    GenerationTimeout,
    InvalidRequest,
    LabelNotSupported,
    ModelCollapsed,
    ModelNotFound,
    NotAcceptable,
    NotReady,
    Overloaded,
    RunNotFound,
    WrongTask,
)
from core.keys.errors import QuotaExceeded
from core.refs import parse_reference
from ganymede.schemas.drawings import DrawnImages
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.references import Reference
from ganymede.schemas.tasks import VersionTask
from models.noise import default_labels, seeds_from

REPEATED = frozenset({"label"})  # query parameters that may be given more than once
MAX_LISTED = 64  # seeds or labels that a header lists; more are told by what is drawn alone
MAX_LOCATION = 4000  # characters of a Content-Location; a longer one is left out

router = Router(tags=["generate"], reads=KeyScope.GENERATE, writes=KeyScope.GENERATE)

_reference = functools.lru_cache(64)(parse_reference)  # most clients name the same few

SENT_HEADERS = {
    "Model": "Name of the model.",
    "Model-Version": "Its version.",
    "Model-Digest": "Digest of the version's weights.",
    "Seed": "Of the first image where they count up, else of each; absent with `z`, or where it would list too many.",
    "Label": "Index of the class of all images, or of each; absent where it would list too many.",
    "ETag": "Weak: of the same picture, always the same.",
    "Content-Location": "Of a random picture: where the same bytes can be had again.",
    "Server-Timing": "Milliseconds of queue, infer and encode; `cache` where nothing was to be done.",
}
REFUSALS = {
    **documented(ModelNotFound, RunNotFound, CheckpointNotFound),
    **documented(
        NotAcceptable,
        InvalidRequest,
        LabelNotSupported,
        WrongTask,
        ModelCollapsed,
        Overloaded,
        QuotaExceeded,
        NotReady,
        GenerationTimeout,
    ),
}


def answers(media_types: Mapping[Format, str]) -> dict[int | str, dict[str, Any]]:
    """Describe for OpenAPI what a route answers that draws."""
    headers = {name: {"description": text, "schema": {"type": "string"}} for name, text in SENT_HEADERS.items()}
    return {
        200: {
            "model": DrawnImages,
            "content": {media_type: {} for form, media_type in media_types.items() if form != "json"},
            "description": "The picture.",
            "headers": headers,
        },
        304: {"description": "The picture you have is the one you would get."},
        **REFUSALS,
    }


@router.get("/generate", response_class=Response, responses=answers({**MEDIA_TYPES, **OF_SOUNDS}))
async def generate(
    query: Annotated[GenerateQuery, Query()], request: Request, services: ServicesDep, if_none_match: IfNoneMatch = None
) -> Response:
    """Draw images, or sounds, of one model. NAME@VERSION and a seed name the same bytes for ever."""
    return await _answer(query, request, services, if_none_match, prefix="")


async def generate_fast(request: Request) -> Response:
    """`generate`, called by FastPath: the request is read here, unless it can only be refused."""
    services: Services = request.app.state.services
    if services.batcher.is_full and (refusal := refused_unread(request, services)):
        return refusal
    query = read_query(request.scope["query_string"].decode("latin-1"))
    return await generate(query, request, services, request.headers.get("if-none-match"))


def read_query(text: str) -> GenerateQuery:
    """Read the query parameters as FastAPI would; InvalidRequest if a parameter of one value is there twice."""
    given: dict[str, str] = {}
    listed: dict[str, list[str]] = {}
    for name, value in _pairs(text):
        if name in REPEATED:
            listed.setdefault(name, []).append(value)
        elif name in given and name in GenerateQuery.model_fields:
            raise repeated(name)
        else:
            given[name] = value
    try:
        return GenerateQuery.model_validate({**given, **listed})
    except ValidationError as error:
        errors = error.errors(include_url=False)
        raise RequestValidationError([{**each, "loc": ("query", *each["loc"])} for each in errors]) from None


def _pairs(query: str) -> Iterable[tuple[str, str]]:
    """Parse a query as parse_qsl does; most escape nothing, and need only to be split."""
    if "%" in query or "+" in query:
        return parse_qsl(query, keep_blank_values=True)
    return [(name, value) for name, _, value in (pair.partition("=") for pair in query.split("&") if pair)]


@router.post("/generate", response_class=Response, responses=answers({**MEDIA_TYPES, **OF_SOUNDS}))
async def generate_from_body(
    body: GenerateBody, request: Request, services: ServicesDep, if_none_match: IfNoneMatch = None
) -> Response:
    """As GET, with the parameters in a JSON body; `z` is noise instead of seeds."""
    return await _answer(body, request, services, if_none_match, prefix="/")


async def _answer(
    asked: GenerateQuery | GenerateBody, request: Request, services: Services, known: str | None, prefix: str
) -> Response:
    ref = _reference(asked.model or services.settings.default_model, f"{prefix}model")
    engine = await engine_for(VersionTask.GENERATION, ref, services, f"{prefix}model")
    accept = request.headers.get("accept", "")
    params = check(asked, engine, accept, services.settings.max_images, prefix)
    etag = params.etag(engine)
    if not params.is_random and is_known(known, etag):
        services.telemetry.etag_hits.inc()
        return RawResponse(304, _headers(params, etag, ref, engine))
    if request.method == "HEAD":  # nothing is drawn, so nobody knows how long it would be
        form = (b"content-type", OF_SOUNDS[params.form].encode())
        return RawResponse(200, [*_headers(params, etag, ref, engine), form])
    with counted(len(params.latents), request, services):
        content, timing = await content_of(etag, lambda: _submit(params, engine, request, services), request, services)
    return answer_of(content, timing, OF_SOUNDS[params.form], _headers(params, etag, ref, engine))


def answer_of(content: bytes, timing: str, media_type: str, headers: RawHeaders) -> RawResponse:
    """Return a file that was drawn; `headers` are those of headers_of."""
    own = [
        (b"content-type", media_type.encode()),
        (b"server-timing", timing.encode()),
        (b"content-length", b"%d" % len(content)),
    ]
    return RawResponse(200, [*headers, *own], content)


async def content_of(
    name: str, submit: Callable[[], EngineRequest[bytes]], request: Request, services: Services
) -> tuple[bytes, str]:
    """Return the file of that name and its timings: from the cache, from a request under way, or from a new one."""
    cache = services.response_cache
    content = cache.find(name)
    if content is not None:
        return content, "cache"
    engine_request = cache.share(name, submit)
    try:
        drawn = await services.batcher.wait(engine_request, lambda: until_gone(request))
    finally:
        cache.landed(name, engine_request)
    cache.keep(name, drawn.content)
    stages = (("queue", drawn.queue_s), ("infer", drawn.infer_s), ("encode", drawn.encode_s))
    return drawn.content, ", ".join(f"{stage};dur={seconds * 1000:.2f}" for stage, seconds in stages)


def _submit(params: SamplingParams, engine: Engine, request: Request, services: Services) -> EngineRequest[bytes]:
    engine_request = submit(params, engine, services)
    if not params.is_random:
        services.response_cache.note(request.scope["query_string"])
    return engine_request


def submit(params: SamplingParams, engine: Engine, services: Services) -> EngineRequest[bytes]:
    """Hand a checked request to the batcher, to be drawn and encoded."""
    return services.batcher.submit(
        engine,
        params.rows,
        functools.partial(encode, params=params, engine=engine),
        is_plain_png=params.is_plain_png,
        is_copy=params.is_copy,
        work_s=work_of(params, engine),
    )


def headers_of(
    engine: Engine, etag: str, caching: str, seeds: Sequence[int], labels: Sequence[int] | None
) -> RawHeaders:
    """Return what the headers say of every answer: what drew it, from which seeds, of which classes."""
    headers = [
        (b"model", engine.name.encode()),
        (b"model-version", str(engine.version).encode()),
        (b"model-digest", engine.digest.encode()),
        (b"etag", etag.encode()),
        (b"vary", b"Accept"),
        (b"cache-control", caching.encode()),
    ]
    if seeds and seeds == seeds_from(seeds[0], len(seeds)):
        headers.append((b"seed", b"%d" % seeds[0]))
    elif seeds and len(seeds) <= MAX_LISTED:
        headers.append((b"seed", ",".join(map(str, seeds)).encode()))
    short = brief(labels)
    if short and len(short) <= MAX_LISTED:
        headers.append((b"label", ",".join(map(str, short)).encode()))
    return headers


def caching_of(params: SamplingParams, ref: Reference) -> str:
    """Return the Cache-Control of what was drawn."""
    return "no-store" if params.is_random else IMMUTABLE if ref.is_pinned else "no-cache"


def _headers(params: SamplingParams, etag: str, ref: Reference, engine: Engine) -> RawHeaders:
    headers = headers_of(engine, etag, caching_of(params, ref), params.seeds, params.labels)
    seeds = params.seeds
    if params.is_random and len(location := _pinned_url(params, engine)) <= MAX_LOCATION:
        headers.append((b"content-location", location.encode()))
    if params.form in ("zip", "npy"):
        seed = f"-seed-{seeds[0]}" if seeds else ""
        name = f"{safe(engine.name)}-{engine.version}{seed}.{params.form}"
        headers.append((b"content-disposition", f'attachment; filename="{name}"'.encode()))
    return headers


def brief(labels: Sequence[int] | None) -> Sequence[int]:
    """Return one label where all images have the same."""
    return labels[:1] if labels and len(set(labels)) == 1 else labels or []


def _pinned_url(params: SamplingParams, engine: Engine) -> str:
    """Return the address of these very images."""
    query: list[tuple[str, str | int | float]] = [
        ("model", f"{engine.name}@{engine.version}"),
        ("seed", params.seeds[0]),
        ("n", len(params.seeds)),
        ("format", params.form),
    ]
    if params.labels is not None and params.labels != default_labels(
        params.seeds, len(engine.labels), engine.default_labels
    ):
        query += [("label", engine.labels[label]) for label in brief(params.labels)]
    if params.latents.truncation != 1:
        query.append(("truncation", params.latents.truncation))
    if params.scale != 1:
        query.append(("scale", params.scale))
    if params.tells_recipe:
        query.append(("metadata", "true"))
    return address(f"/generate?{urlencode(query)}")
