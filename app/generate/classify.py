"""POST /classify: pictures in, for each its classes with their probabilities. Knows no network and no file format.

Shape suffixes: N pictures, K classes, H height, W width, C channels.
"""

import functools
import hashlib
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from fastapi import Query, Request
from fastapi.concurrency import contextmanager_in_threadpool
from starlette.responses import Response

from app.deps import Services, ServicesDep
from app.engine.batch import Rows
from app.engine.engine import Engine
from app.errors import documented
from app.generate.formats import public_version
from app.generate.parameters import ClassifyQuery
from app.generate.pictures import PICTURE, ReceivedPicture, plan_of, read_pictures
from app.generate.quota import counted
from app.generate.route import REFUSALS, answer_of, content_of, headers_of
from app.generate.served import engine_for
from app.http.conditional import IMMUTABLE, IfNoneMatch, is_known
from app.http.fast_route import RawResponse
from app.http.multipart import PartLimits, receive_parts
from app.http.routing import Router
from core.errors import InvalidRequest, PictureInvalid, WrongTask
from core.media.images import Images
from core.refs import parse_reference
from ganymede.schemas.classification import ClassificationBody, ClassifiedPicture, NamedClass
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.tasks import VersionTask
from models.probabilities import probabilities

MAX_PICTURES, MAX_PICTURE_BYTES = 64, 1 << 24
JSON = "application/json"
FILES = {
    "type": "array",
    "items": {"type": "string", "format": "binary"},
    "minItems": 1,
    "maxItems": MAX_PICTURES,
    "description": f"PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF or PPM of any size, up to {MAX_PICTURE_BYTES} bytes each.",
}
BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {"schema": {"type": "object", "required": [PICTURE], "properties": {PICTURE: FILES}}}
    },
}
REFUSED = documented(InvalidRequest, PictureInvalid, WrongTask)
# Seconds of one thread, at the upper end of what was measured of JPEG and PNG.
READ_S, READ_BYTE_S = 500e-6, 30e-9  # of a file, and a byte of it
TELL_S = 20e-6  # of a picture that is told of

router = Router(tags=["generate"], writes=KeyScope.GENERATE)


@dataclass(frozen=True, slots=True, eq=False)
class ClassificationParams:
    """A checked request."""

    names: list[str]  # of the files
    picture_NHWC: Images
    top: int

    def etag(self, engine: Engine) -> str:
        """Return a weak ETag: engine, pixels, names and `top` determine the answer."""
        facts = f"classify|{engine.identity}|{engine.name}@{engine.version}|{self.top}|{self.names}"
        digest = hashlib.sha256(facts.encode())
        digest.update(self.picture_NHWC.tobytes())
        return f'W/"{digest.hexdigest()[:32]}"'


@router.post(
    "/classify",
    response_class=Response,
    responses={
        200: {"model": ClassificationBody, "description": "What the pictures show."},
        304: {"description": "The answer you have is the one you would get."},
        **REFUSALS,
        **REFUSED,
    },
    openapi_extra={"requestBody": BODY},
)
async def classify(
    query: Annotated[ClassifyQuery, Query()], request: Request, services: ServicesDep, if_none_match: IfNoneMatch = None
) -> Response:
    """Name what pictures show: of each the classes of the model, most likely first. The body is a form with one or more
    files `picture`. Each is cut and resized as the dataset was when it was imported.
    """
    ref = parse_reference(query.model or services.settings.default_model, "model")
    engine = await engine_for(VersionTask.CLASSIFICATION, ref, services)
    params = await _received(query, engine, request, services)
    etag = params.etag(engine)
    headers = headers_of(engine, etag, IMMUTABLE if ref.is_pinned else "no-cache", (), None)
    if is_known(if_none_match, etag):
        services.telemetry.etag_hits.inc()
        return RawResponse(304, headers)

    tell = functools.partial(_told, params=params, engine=engine)
    rows, work_s = Rows.of_pictures(params.picture_NHWC), len(params.names) * TELL_S
    with counted(len(params.names), request, services):
        content, timing = await content_of(
            etag, lambda: services.batcher.submit(engine, rows, tell, work_s=work_s), request, services
        )
    return answer_of(content, timing, JSON, headers)


async def _received(query: ClassifyQuery, engine: Engine, request: Request, services: Services) -> ClassificationParams:
    limits = {PICTURE: PartLimits(MAX_PICTURE_BYTES, may_repeat=True, most=MAX_PICTURES)}
    async with contextmanager_in_threadpool(services.store.scratch()) as folder:
        parts = await receive_parts(request, folder, limits)
        files = [ReceivedPicture(part.path, part.filename) for part in parts]
        nbytes = sum(file.path.stat().st_size for file in files)
        work_s = len(files) * READ_S + nbytes * READ_BYTE_S
        sent = (files, plan_of(engine.manifest), services.settings.max_pixels)
        picture_NHWC = await services.encoders.run(work_s, read_pictures, *sent)
    return ClassificationParams([file.filename for file in files], picture_NHWC, query.top)


def _told(logits_NK: npt.NDArray[np.float32], params: ClassificationParams, engine: Engine) -> bytes:
    """Return the answer as JSON."""
    temperature = engine.manifest.measured.get("temperature", 1.0)
    pictures = [
        ClassifiedPicture(file=name, classes=_classes(probability_K, params.top, engine.labels))
        for name, probability_K in zip(params.names, probabilities(logits_NK, temperature), strict=True)
    ]
    return (
        ClassificationBody(
            model=engine.name,
            version=public_version(engine),
            digest=engine.digest,
            temperature=temperature,
            pictures=pictures,
        )
        .model_dump_json()
        .encode()
    )


def _classes(probability_K: npt.NDArray[np.float64], top: int, names: list[str]) -> list[NamedClass]:
    """Return the most likely classes; of two that are as likely, the one with the smaller index first."""
    best = np.argsort(-probability_K, kind="stable")[:top].tolist()
    return [NamedClass(label=label, name=names[label], probability=float(probability_K[label])) for label in best]
