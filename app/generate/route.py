"""GET and POST /generate: a seed and perhaps a label in, a picture out. Knows no network and no file."""

import functools
from typing import Annotated, Any
from urllib.parse import urlencode

import numpy as np
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from app.conditions import IMMUTABLE, is_known
from app.deps import Services, ServicesDep
from app.errors import documented
from app.generate.ask import MEDIA_TYPES, Ask, Format, GenerateBody, GenerateQuery, check
from app.generate.engine import Engine
from core import images
from core.errors import InvalidRequest, LabelNotSupported, ModelNotFound, NotAcceptable, NotReady, Overloaded
from core.png import write_png
from core.refs import ModelRef, parse_model_ref
from models.noise import Latents

router = APIRouter(tags=["generate"])

ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {media_type: {} for media_type in MEDIA_TYPES.values()}, "description": "The picture."},
    304: {"description": "The picture you have is the one you would get."},
    **documented(ModelNotFound, NotAcceptable, InvalidRequest, LabelNotSupported, Overloaded, NotReady),
}


@router.head("/generate", include_in_schema=False)
@router.get("/generate", response_class=Response, responses=ANSWERS)
async def generate(query: Annotated[GenerateQuery, Query()], request: Request, services: ServicesDep) -> Response:
    """Draw `n` images of one model. NAME@VERSION and a seed name the same bytes for ever."""
    return await _answer(query, request, services, prefix="")


@router.post("/generate", response_class=Response, responses=ANSWERS)
async def generate_from_body(body: GenerateBody, request: Request, services: ServicesDep) -> Response:
    """As GET, with the parameters in a JSON body."""
    return await _answer(body, request, services, prefix="/")


async def _answer(asked: GenerateQuery | GenerateBody, request: Request, services: Services, prefix: str) -> Response:
    ref = parse_model_ref(asked.model or services.settings.default_model, f"{prefix}model")
    engine = await services.models.engine(ref)
    accept = request.headers.get("accept", "")
    ask = check(asked, engine.labels, accept, services.settings.max_images, prefix)
    headers = _headers(ask, ref, engine)
    if not ask.is_random and is_known(request.headers.get("if-none-match"), headers["ETag"]):
        services.telemetry.cache_hits.labels("etag").inc()
        return Response(status_code=304, headers=headers)
    label_N = None if ask.labels is None else np.array(ask.labels, np.int64)
    encode = functools.partial(_encode, form=ask.format)
    drawn = await services.batcher.draw(engine, Latents(ask.seeds), label_N, encode)
    timings = {"queue": drawn.queue_s, "infer": drawn.infer_s, "encode": drawn.encode_s}
    headers["Server-Timing"] = ", ".join(f"{name};dur={seconds * 1000:.2f}" for name, seconds in timings.items())
    return Response(drawn.content, headers=headers, media_type=MEDIA_TYPES[ask.format])


def _encode(drawn: images.Images, form: Format) -> bytes:
    if form == "npy":
        return images.to_npy(drawn)
    return write_png(drawn[0] if len(drawn) == 1 else images.contact_sheet(drawn))


def _headers(ask: Ask, ref: ModelRef, engine: Engine) -> dict[str, str]:
    """What is known before anything is drawn."""
    headers = {
        "Model": engine.name,
        "Model-Version": str(engine.version),
        "Model-Digest": engine.digest,
        "Seed": str(ask.seeds[0]),
        "ETag": ask.etag(engine.identity),
        "Vary": "Accept",
        "Cache-Control": "no-store" if ask.is_random else IMMUTABLE if ref.is_pinned else "no-cache",
    }
    if ask.labels is not None:
        same = len(set(ask.labels)) == 1
        headers["Label"] = str(ask.labels[0]) if same else ",".join(map(str, ask.labels))
    if ask.is_random:
        headers["Content-Location"] = _pinned_url(ask, engine)
    return headers


def _pinned_url(ask: Ask, engine: Engine) -> str:
    """Where these very images can be had again."""
    query: list[tuple[str, str | int]] = [
        ("model", f"{engine.name}@{engine.version}"),
        ("seed", ask.seeds[0]),
        ("n", len(ask.seeds)),
        ("format", ask.format),
    ]
    labels = ask.labels or []
    query += [("label", engine.labels[label]) for label in (labels[:1] if len(set(labels)) == 1 else labels)]
    return f"/generate?{urlencode(query)}"
