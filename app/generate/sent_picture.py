"""The picture with a hole in the body of a request, as a checked request for drafts has it. Knows no network.

Shape suffixes: H height, W width, A channels, and whether a pixel is known.
"""

import hashlib
from dataclasses import dataclass

from fastapi import Request
from fastapi.concurrency import contextmanager_in_threadpool
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from app.deps import Services
from app.engine.batch import Rows
from app.engine.engine import Engine
from app.generate.holes import MASK, PICTURE, read_holed
from app.generate.sampling import MEDIA_TYPES, SamplingParams
from app.http.multipart import PartLimits, receive_parts
from core.errors import InvalidRequest, UnsupportedMediaType
from core.media.images import Images

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


@dataclass(frozen=True, slots=True, eq=False)
class CompletionParams(SamplingParams):
    """A checked request for drafts: as for pictures, and what is known of them. `steps`: of a search."""

    picture_HWA: Images
    steps: int | None = None

    @property
    def rows(self) -> Rows:
        return Rows.of(self.latents, self.labels, self.picture_HWA)

    def etag(self, engine: Engine) -> str:
        """As of pictures, and of what is known; what was sent in the hole does not count."""
        digest = hashlib.sha256(SamplingParams.etag(self, engine).encode())
        digest.update(self.picture_HWA.tobytes())
        if self.steps is not None:
            digest.update(f"search {self.steps}".encode())
        return f'W/"{digest.hexdigest()[:32]}"'


async def with_picture(
    asked: SamplingParams, engine: Engine, request: Request, services: Services, steps: int | None = None
) -> CompletionParams:
    """Read the body.

    Raises:
        UnsupportedMediaType: it is neither a PNG nor a form.
        PictureInvalid, InvalidRequest: no picture that this model completes.
    """
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
        steps=steps,
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
