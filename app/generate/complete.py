"""POST /complete: a picture with a hole in, drafts of the whole picture out. Knows no network and no file.

Shape suffixes: H height, W width, A channels, and whether a pixel is known.
"""

import hashlib
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query, Request
from fastapi.concurrency import contextmanager_in_threadpool
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from app.deps import Services, ServicesDep
from app.engine.batch import Rows
from app.engine.engine import Engine
from app.errors import documented
from app.generate.holes import MASK, PICTURE, read_holed
from app.generate.parameters import CompleteQuery
from app.generate.quota import counted
from app.generate.route import answer_of, answers, content_of, headers_of, submit
from app.generate.sampling import MEDIA_TYPES, SamplingParams, check
from app.generate.served import engine_for
from app.http.conditional import IMMUTABLE, IfNoneMatch, is_known
from app.http.fast_route import RawResponse
from app.http.multipart import PartLimits, receive_parts
from app.http.routing import Router
from core.errors import InvalidRequest, LabelNotSupported, PictureInvalid, UnsupportedMediaType, WrongTask
from core.images import Images
from core.refs import parse_reference
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.tasks import VersionTask

PNG, FORM = MEDIA_TYPES["png"], "multipart/form-data"
FILE = {"type": "string", "format": "binary"}
PARTS = {PICTURE: PartLimits(1 << 20), MASK: PartLimits(1 << 20, is_needed=False)}
BODY = {
    "required": True,
    "content": {
        PNG: {"schema": FILE},
        FORM: {"schema": {"type": "object", "required": [PICTURE], "properties": {PICTURE: FILE, MASK: FILE}}},
    },
}
# Seconds of one thread, at the upper end of what was measured of /inspect.
READ_S, READ_BYTE_S = 200e-6, 2e-9  # of a file, and a byte of it

REFUSED = documented(UnsupportedMediaType, InvalidRequest, PictureInvalid, LabelNotSupported, WrongTask)

router = Router(tags=["generate"], writes=KeyScope.GENERATE)


@dataclass(frozen=True, slots=True, eq=False)
class CompletionParams(SamplingParams):
    """A checked request for drafts: as for pictures, and what is known of them."""

    picture_HWA: Images

    @property
    def rows(self) -> Rows:
        return Rows.of(self.latents, self.labels, self.picture_HWA)

    def etag(self, engine: Engine) -> str:
        """As of pictures, and of what is known; what was sent in the hole does not count."""
        digest = hashlib.sha256(SamplingParams.etag(self, engine).encode())
        digest.update(self.picture_HWA.tobytes())
        return f'W/"{digest.hexdigest()[:32]}"'


@router.post(
    "/complete",
    response_class=Response,
    responses={**answers(MEDIA_TYPES), **REFUSED},
    openapi_extra={"requestBody": BODY},
)
async def complete(
    query: Annotated[CompleteQuery, Query()], request: Request, services: ServicesDep, if_none_match: IfNoneMatch = None
) -> Response:
    """Fill the hole of a picture: `n` drafts, each from its seed. The body is a PNG whose hole is transparent, or a
    form with `picture` and `mask`, in which all that is not black is the hole. Known pixels come back as they were.
    """
    ref = parse_reference(query.model or services.settings.default_model, "model")
    engine = await engine_for(VersionTask.COMPLETION, ref, services)
    asked = check(query, engine, request.headers.get("accept", ""), services.settings.max_images)
    params = await _with_picture(asked, engine, request, services)
    etag = params.etag(engine)
    caching = "no-store" if params.is_random else IMMUTABLE if ref.is_pinned else "no-cache"
    headers = headers_of(engine, etag, caching, params.seeds, params.labels)
    if not params.is_random and is_known(if_none_match, etag):
        services.telemetry.etag_hits.inc()
        return RawResponse(304, headers)

    with counted(len(params.latents), request, services):
        content, timing = await content_of(etag, lambda: submit(params, engine, services), request, services)
    return answer_of(content, timing, MEDIA_TYPES[params.form], headers)


async def _with_picture(
    asked: SamplingParams, engine: Engine, request: Request, services: Services
) -> CompletionParams:
    picture, mask = await _received(request, services)
    sizes = engine.manifest.image_size, engine.manifest.channels
    work_s = 2 * READ_S + (len(picture) + len(mask or b"")) * READ_BYTE_S
    picture_HWA = await services.encoders.run(work_s, read_holed, picture, mask, *sizes)
    return CompletionParams(
        latents=asked.latents,
        labels=asked.labels,
        form=asked.form,
        scale=asked.scale,
        tells_recipe=asked.tells_recipe,
        is_random=asked.is_random,
        picture_HWA=picture_HWA,
    )


async def _received(request: Request, services: Services) -> tuple[bytes, bytes | None]:
    """Return picture and mask, as the body has them."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == FORM:
        async with contextmanager_in_threadpool(services.store.scratch()) as folder:
            parts = {part.name: part.path for part in await receive_parts(request, folder, PARTS)}
            files = {name: await run_in_threadpool(path.read_bytes) for name, path in parts.items()}
        return files[PICTURE], files.get(MASK)
    if kind != PNG:
        raise UnsupportedMediaType(
            f"the body is a PNG with Content-Type: {PNG}, or a {FORM} with the parts {', '.join(PARTS)}; "
            f"it was {kind[:80]!r}"
        )
    try:
        return await request.body(), None
    except ClientDisconnect:
        raise InvalidRequest("the client went away") from None  # nobody hears it; the log is spared a traceback
