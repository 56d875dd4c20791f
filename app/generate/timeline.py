"""GET /generate/timeline: one seed, drawn by all that is kept of a run, from its first step to its last.

Knows no network. Shape suffixes: F frames, N images, H height, W width, C channels.
"""

import base64
import contextlib
import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from fastapi import Query, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from app.deps import Services, ServicesDep
from app.engine.batch import Rows
from app.engine.engine import Engine
from app.generate.parameters import MAX_SCALE
from app.generate.quota import counted
from app.generate.route import REFUSALS
from app.generate.sampling import check_pixels, labels_of
from app.generate.served import engine_for
from app.http.conditional import IfNoneMatch, is_known
from app.http.fast_route import RawResponse
from app.http.hang_up import unless_gone
from app.http.negotiation import preferred
from app.http.routing import Router
from core.errors import CheckpointNotFound, ModelCollapsed, NotFound
from core.media.images import Images, contact_sheet, enlarge
from core.media.images.animations import Animation, animate
from core.media.images.png import ENCODER, write_png
from core.refs import parse_reference
from core.runs import Run
from core.runs.checkpoints import list_checkpoints
from ganymede.schemas import VERSION
from ganymede.schemas.bodies import StrictModel
from ganymede.schemas.drawings import TimelineBody, TimelineFrame
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.tasks import VersionTask
from models.noise import SEEDS, Latents

Form = Literal["png", "json", "webp", "gif", "apng"]
MEDIA_TYPES: dict[Form, str] = {"png": "image/png", "json": "application/json", "webp": "image/webp"}
MEDIA_TYPES |= {"gif": "image/gif", "apng": "image/apng"}
MOST = 16  # frames of an answer: each is drawn by weights of its own, which may have to be loaded first
MOST_TOLD = 100  # steps that are gone

router = Router(tags=["generate"], reads=KeyScope.GENERATE, writes=KeyScope.GENERATE)


class TimelineQuery(StrictModel):
    """The query parameters of `GET /generate/timeline`."""

    run: str = Field(max_length=200, description="Id of the run.", examples=["run_0192f1c7a4e1b2c3d4e5"])
    seed: int = Field(0, ge=0, lt=SEEDS, description="The same for every frame.")
    label: str | None = Field(None, max_length=1024, description="Class name or index. Absent: seed mod classes.")
    truncation: float = Field(1.0, gt=0, le=1, allow_inf_nan=False, description="Shrinks the noise.")
    scale: int = Field(1, ge=1, le=MAX_SCALE, description="Every pixel becomes a square of scale x scale of them.")
    fps: int = Field(2, ge=1, le=50, description="Frames a second, of what moves.")
    format: Form | None = Field(
        None,
        description="png: a strip, the oldest at the left; json: each frame with its step, and what is no longer kept; "
        "webp, gif, apng: it moves. Default: by Accept, or png.",
    )


@dataclass(frozen=True, slots=True)
class KeptWeights:
    """Weights of a run that can still be drawn with: a checkpoint, or a version that was published of it."""

    step: int
    reference: str


@dataclass(frozen=True, slots=True)
class Remains:
    """What is kept of a run, in the order of its steps, and the steps of what was dropped."""

    kept: list[KeptWeights]
    omitted: list[int]  # kept, but too many for an answer
    gone: list[int]

    @classmethod
    def of(cls, run: Run, services: Services) -> "Remains":
        published = run.state().published
        there = {model: services.registry.versions(model) for model in {each.model for each in published}}
        versions = {
            each.step: f"{each.model}@{each.version}" for each in published if each.version in there[each.model]
        }
        checkpoints = {each.step: f"run:{run.id}@{each}" for each in reversed(list_checkpoints(run))}
        found = [KeptWeights(step, reference) for step, reference in sorted({**checkpoints, **versions}.items())]
        told = {int(event.data["step"]) for event in run.events() if event.type == "checkpoint"}
        drawn = [found[i] for i in sorted({round(i) for i in np.linspace(0, len(found) - 1, min(len(found), MOST))})]
        omitted = sorted({each.step for each in found} - {each.step for each in drawn})
        return cls(drawn, omitted, sorted(told - {each.step for each in found}))


@dataclass(frozen=True, slots=True)
class Strip:
    """A checked request. label: one, of every frame; engine: any of the run's."""

    query: TimelineQuery
    remains: Remains
    label: list[int] | None
    engine: Engine


ANSWERS = REFUSALS | {
    200: {
        "model": TimelineBody,
        "content": {media_type: {} for form, media_type in MEDIA_TYPES.items() if form != "json"},
        "description": "The strip, or what was asked for instead.",
        "headers": {
            "Steps": {"description": "Of the frames, in their order.", "schema": {"type": "string"}},
            "Steps-Gone": {
                "description": "How many checkpoints the run has dropped since; json names their steps.",
                "schema": {"type": "integer"},
            },
        },
    },
    304: {"description": "The one you have is the one you would get."},
}


@router.get("/generate/timeline", response_class=Response, responses=ANSWERS)
async def timeline(
    query: Annotated[TimelineQuery, Query()],
    request: Request,
    services: ServicesDep,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Watch a run learn: one seed, drawn by each checkpoint that it keeps and each version that was published of it."""
    run = await run_in_threadpool(services.runs.get, query.run)
    form = query.format or preferred(request.headers.get("accept", ""), MEDIA_TYPES)
    remains = await run_in_threadpool(Remains.of, run, services)
    if not remains.kept:
        raise CheckpointNotFound(
            f"run {run.id} keeps nothing to draw with; checkpoints that are gone: {_told(remains)}"
        )
    etag = _etag(query, form, remains)
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": "Accept"}
    if is_known(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    engine = await _any_engine(remains, services)
    label = labels_of(query.label, engine, [query.seed], "label")
    check_pixels(len(remains.kept), len(remains.kept), engine.manifest.image_size, query.scale, ("run", "scale"))
    headers |= {"Content-Type": MEDIA_TYPES[form], "Seed": str(query.seed), "Steps-Gone": str(len(remains.gone))}
    headers |= {} if label is None else {"Label": str(label[0])}
    if request.method == "HEAD":  # nothing is drawn, so nobody knows how long it would be
        return _response(headers | {"Steps": _steps(remains.kept)})
    with counted(len(remains.kept), request, services):
        content, frames = await _content(etag, form, Strip(query, remains, label, engine), request, services)
    return _response(headers | {"Steps": _steps(frames), "Content-Length": str(len(content))}, content)


def _response(headers: dict[str, str], content: bytes = b"") -> Response:
    return RawResponse(200, [(name.lower().encode(), value.encode()) for name, value in headers.items()], content)


def _steps(frames: Sequence[KeptWeights]) -> str:
    return ",".join(str(each.step) for each in frames)


def _told(remains: Remains) -> str:
    return ", ".join(map(str, remains.gone[-MOST_TOLD:])) or "none"


def _etag(query: TimelineQuery, form: Form, remains: Remains) -> str:
    """Known before anything is loaded: what is kept under a name never changes."""
    identity = repr((VERSION, ENCODER, query.model_dump(exclude={"format"}), form, remains))
    return f'W/"{hashlib.sha256(identity.encode()).hexdigest()[:32]}"'


async def _any_engine(remains: Remains, services: Services) -> Engine:
    """Return the first that is still there: all of a run have the same classes and size."""
    for kept in remains.kept:
        with contextlib.suppress(NotFound, ModelCollapsed):
            return await services.models.engine(parse_reference(kept.reference))
    raise CheckpointNotFound("what the run kept was dropped meanwhile")


async def _content(
    etag: str, form: Form, strip: Strip, request: Request, services: Services
) -> tuple[bytes, list[KeptWeights]]:
    """Return the file and its frames: from the cache, or drawn as long as the client waits."""
    content = services.response_cache.find(etag)
    if content is not None:
        return content, strip.remains.kept
    frames, images_FHWC = await unless_gone(request, _drawn(strip, services), "its timeline")
    make = (
        functools.partial(_json, strip, frames, images_FHWC)
        if form == "json"
        else functools.partial(_picture, images_FHWC, strip.query, form)
    )
    content = await run_in_threadpool(make)
    if frames == strip.remains.kept:
        services.response_cache.keep(etag, content)
    return content, frames


async def _drawn(strip: Strip, services: Services) -> tuple[list[KeptWeights], Images]:
    """Draw with one after the other: no more than one of them waits to be loaded. What goes meanwhile, or has
    collapsed, is left out."""
    frames: list[KeptWeights] = []
    images: list[Images] = []
    rows = Rows.of(Latents([strip.query.seed], strip.query.truncation), strip.label)
    for kept in strip.remains.kept:
        try:
            engine = await engine_for(VersionTask.GENERATION, parse_reference(kept.reference), services, "run")
        except (NotFound, ModelCollapsed):
            continue
        images.append((await services.batcher.draw(engine, rows, encode=lambda drawn_NHWC: drawn_NHWC)).content)
        frames.append(kept)
    if not frames:
        raise CheckpointNotFound("what the run kept was dropped meanwhile")
    return frames, np.concatenate(images)


def _picture(images_FHWC: Images, query: TimelineQuery, form: Animation | Literal["png"]) -> bytes:
    scaled_FHWC = enlarge(images_FHWC, query.scale)
    return (
        write_png(contact_sheet(scaled_FHWC, len(scaled_FHWC)))
        if form == "png"
        else animate(scaled_FHWC, query.fps, form)
    )


def _json(strip: Strip, frames: Sequence[KeptWeights], images_FHWC: Images) -> bytes:
    query, remains = strip.query, strip.remains
    label = None if strip.label is None else strip.label[0]
    scaled_FHWC = enlarge(images_FHWC, query.scale)
    _, height, width, channels = scaled_FHWC.shape
    drawn = [
        TimelineFrame(step=kept.step, reference=kept.reference, png=base64.b64encode(write_png(image_HWC)).decode())
        for kept, image_HWC in zip(frames, scaled_FHWC, strict=True)
    ]
    return (
        TimelineBody(
            run=query.run,
            seed=query.seed,
            label=label,
            label_name=None if label is None else strip.engine.labels[label],
            truncation=query.truncation,
            scale=query.scale,
            height=height,
            width=width,
            channels=channels,
            frames=drawn,
            omitted_steps=remains.omitted,
            num_gone=len(remains.gone),
            gone_steps=remains.gone[-MOST_TOLD:],
        )
        .model_dump_json()
        .encode()
    )
