"""POST /generate/morph: from seed to seed, as one moving picture. Knows no network and no file.

Shape suffixes: F frames, H height, W width, C channels, Z latent.
"""

import functools
import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import Request
from pydantic import Field
from starlette.responses import Response

from app.deps import ServicesDep
from app.engine.batch import Rows
from app.engine.engine import Engine
from app.engine.request import EngineRequest
from app.generate.formats import FILE_S, OTHER_S, add_file, facts_of
from app.generate.parameters import SEEDS_TEXT, DrawingRequest, Label, Labels, Seeds
from app.generate.quota import counted
from app.generate.route import REFUSALS, answer_of, content_of, headers_of
from app.generate.sampling import check_pixels, labels_of
from app.generate.seeds import read_seeds
from app.generate.served import engine_for
from app.http.conditional import IMMUTABLE, IfNoneMatch, is_known
from app.http.fast_route import RawResponse
from app.http.negotiation import preferred
from app.http.routing import Router
from core.errors import InvalidRequest
from core.media.images import Images, enlarge
from core.media.images.animations import Animation, animate
from core.media.images.png import ENCODER, write_png
from core.refs import parse_reference
from ganymede.schemas.bodies import BodyModel
from ganymede.schemas.drawings import MANIFEST, MorphFrame, MorphManifest
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.tasks import VersionTask
from models.interpolation import path
from models.noise import Latents, draw_noise

MorphFormat = Literal[Animation, "zip"]

MEDIA_TYPES: dict[MorphFormat, str] = {
    "webp": "image/webp",
    "gif": "image/gif",
    "apng": "image/apng",
    "zip": "application/zip",
}
FEWEST_KEYS = 2
# Seconds of one thread a byte of pixels, at the upper end of what was measured.
WORK_S: dict[MorphFormat, float] = {"webp": 60e-9, "gif": 80e-9, "apng": 80e-9, "zip": OTHER_S}

router = Router(tags=["generate"], writes=KeyScope.GENERATE)


class MorphBody(DrawingRequest, BodyModel):
    """The body of `POST /generate/morph`."""

    seeds: str | Seeds = Field(description=f"The keys, two at least. {SEEDS_TEXT}", examples=["1,7", [1, 7, 12]])
    label: Label | Labels | None = Field(
        None,
        description="Class name or index, or a list with one per key. Absent or null: seed mod classes. Where two keys "
        "differ, the class changes half way.",
    )
    frames: int = Field(
        15, ge=1, description="From one key to the next. All frames together: up to GANYMEDE_MAX_IMAGES."
    )
    loop: bool = Field(False, description="From the last key back to the first.")
    fps: int = Field(12, ge=1, le=50, description="Frames a second.")
    format: MorphFormat | None = Field(
        None,
        description="webp and apng: the very pixels; gif: 256 colours a frame; zip: a PNG for each frame, and "
        "manifest.json. Default: by Accept, or webp.",
    )


@dataclass(frozen=True, slots=True)
class MorphParams:
    """A checked request: the keys, the place of each frame on the way through them, the form of the answer."""

    seeds: Sequence[int]
    labels: list[int] | None
    places: Sequence[float]
    loop: bool
    truncation: float
    scale: int
    fps: int
    form: MorphFormat

    def rows(self, latent_dim: int) -> Rows:
        frames_FZ = path(draw_noise(self.seeds, latent_dim), self.places)
        return Rows.of(Latents((), self.truncation, frames_FZ), self.frame_labels)

    @property
    def frame_labels(self) -> list[int] | None:
        """The class of each frame: that of the key which is nearer, half way that of the next."""
        if self.labels is None:
            return None
        return [self.labels[int(place + 0.5) % len(self.labels)] for place in self.places]

    def etag(self, engine: Engine) -> str:
        facts = f"{engine.identity}|{ENCODER}|{engine.name}@{engine.version}|{self}"
        return f'W/"{hashlib.sha256(facts.encode()).hexdigest()[:32]}"'

    def work_s(self, engine: Engine) -> float:
        num_files = len(self.places) if self.form == "zip" else 1
        return num_files * FILE_S + len(self.places) * engine.image_bytes * self.scale**2 * WORK_S[self.form]


ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {media_type: {} for media_type in MEDIA_TYPES.values()}, "description": "The moving picture."},
    304: {"description": "The one you have is the one you would get."},
    **REFUSALS,
}


@router.post("/generate/morph", response_class=Response, responses=ANSWERS)
async def morph(
    body: MorphBody, request: Request, services: ServicesDep, if_none_match: IfNoneMatch = None
) -> Response:
    """Draw the way from seed to seed as one moving picture that repeats. The noise goes along the great circle, so each
    frame is as likely as any picture; that of a key is the picture that `/generate` draws of its seed.
    """
    ref = parse_reference(body.model or services.settings.default_model, "/model")
    engine = await engine_for(VersionTask.GENERATION, ref, services, "/model")
    params = check(body, engine, request.headers.get("accept", ""), services.settings.max_images)
    etag, caching = params.etag(engine), IMMUTABLE if ref.is_pinned else "no-cache"
    headers = headers_of(engine, etag, caching, params.seeds, params.labels)
    if is_known(if_none_match, etag):
        services.telemetry.etag_hits.inc()
        return RawResponse(304, headers)

    def submit() -> EngineRequest[bytes]:
        make = functools.partial(encode, params=params, engine=engine)
        return services.batcher.submit(engine, params.rows(engine.latent_dim), make, work_s=params.work_s(engine))

    with counted(len(params.places), request, services):
        content, timing = await content_of(etag, submit, request, services)
    return answer_of(content, timing, MEDIA_TYPES[params.form], headers)


def check(body: MorphBody, engine: Engine, accept: str, max_images: int) -> MorphParams:
    """Check a request against `engine`.

    Raises:
        InvalidRequest: a field is out of range, or there would be more frames or pixels than an answer may have.
        LabelNotSupported: a label was given, and the model knows none.
        NotAcceptable: neither `format` nor the Accept header names a form that can be sent.
    """
    form = body.format or preferred(accept, MEDIA_TYPES)
    seeds = read_seeds(body.seeds, max_images, "/seeds")
    if len(seeds) < FEWEST_KEYS:
        raise InvalidRequest.field("/seeds", f"{FEWEST_KEYS} to {max_images} keys, got {len(seeds)}")
    count = len(seeds) * body.frames if body.loop else (len(seeds) - 1) * body.frames + 1
    if count > max_images:
        detail = f"{len(seeds)} keys with {body.frames} frames from each to the next are {count} frames"
        raise InvalidRequest.field("/frames", f"up to {max_images} in all; {detail}")
    check_pixels(count, count, engine.manifest.image_size, body.scale, ("/frames", "/scale"))
    return MorphParams(
        seeds=seeds,
        labels=labels_of(body.label, engine, seeds, "/label"),
        places=[i / body.frames for i in range(count)],
        loop=body.loop,
        truncation=body.truncation,
        scale=body.scale,
        fps=body.fps,
        form=form,
    )


def encode(drawn_FHWC: Images, params: MorphParams, engine: Engine) -> bytes:
    if params.form == "zip":
        return _zip(drawn_FHWC, params, engine)
    return animate(enlarge(drawn_FHWC, params.scale), params.fps, params.form)


def _zip(drawn_FHWC: Images, params: MorphParams, engine: Engine) -> bytes:
    buffer, frames = io.BytesIO(), []
    labels: Sequence[int | None] = params.frame_labels or [None] * len(params.places)
    with zipfile.ZipFile(buffer, "w") as archive:
        for i, frame_HWC in enumerate(enlarge(drawn_FHWC, params.scale)):
            frames.append(MorphFrame(file=f"{i:04d}.png", place=params.places[i], label=labels[i]))
            add_file(archive, frames[-1].file, write_png(frame_HWC))
        manifest = MorphManifest(
            **dict(facts_of(drawn_FHWC, params.truncation, params.scale, engine)),
            seeds=list(params.seeds),
            labels=params.labels,
            loop=params.loop,
            fps=params.fps,
            frames=frames,
        )
        add_file(archive, MANIFEST, manifest.model_dump_json(indent=2).encode() + b"\n")
    return buffer.getvalue()
