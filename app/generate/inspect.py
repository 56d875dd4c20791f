"""POST /inspect: what a picture tells of itself, and whether that is true. Trusts nothing that it is sent.

Shape suffixes: N images (1), H height, W width, C channels.
"""

import functools
from typing import Annotated

from fastapi import Query, Request
from pydantic import Field, ValidationError
from starlette.requests import ClientDisconnect

from app.deps import Services, ServicesDep
from app.errors import documented
from app.generate.formats import one_picture
from app.generate.parameters import GenerateBody
from app.generate.quota import counted
from app.generate.sampling import MAX_PIXELS, MEDIA_TYPES, SamplingParams, check
from app.generate.served import engine_for
from app.http.routing import Router
from core.errors import (
    GenerationTimeout,
    InvalidRequest,
    ModelCollapsed,
    NotFound,
    NotReady,
    Overloaded,
    PictureInvalid,
    RecipeInvalid,
    RecipeMissing,
    UnsupportedMediaType,
)
from core.media.images import Images
from core.media.images.png import KEYWORD, PngFile, read_png
from core.refs import parse_reference
from ganymede.schemas.bodies import StrictModel
from ganymede.schemas.drawings import InspectionBody, Provenance
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.tasks import VersionTask

PNG = MEDIA_TYPES["png"]
BODY = {"required": True, "content": {PNG: {"schema": {"type": "string", "format": "binary"}}}}
# Seconds of one thread, at the upper end of what was measured.
READ_S, READ_BYTE_S = 200e-6, 2e-9  # of a file, and a byte of it
COMPARE_BYTE_S = 30e-9  # a byte of pixels: drawn, read and compared

router = Router(tags=["generate"], writes=KeyScope.GENERATE)


class InspectQuery(StrictModel):
    """The query parameters of `POST /inspect`."""

    verify: bool = Field(False, description="Draw it again, and compare the pixels.")


@router.post(
    "/inspect",
    openapi_extra={"requestBody": BODY},
    responses=documented(
        UnsupportedMediaType,
        InvalidRequest,
        PictureInvalid,
        RecipeMissing,
        RecipeInvalid,
        Overloaded,
        NotReady,
        GenerationTimeout,
    ),
)
async def inspect(
    request: Request,
    services: ServicesDep,
    query: Annotated[InspectQuery, Query()],
) -> InspectionBody:
    """Tell how a PNG was drawn, and whether that is true. The PNG is one that was drawn with `metadata=true`."""
    data = await _received(request)
    picture, recipe = await services.encoders.run(READ_S + len(data) * READ_BYTE_S, _read, data)
    inspection = InspectionBody(recipe=recipe, width=picture.width, height=picture.height, verified=None, reason=None)
    if query.verify:
        inspection.verified, inspection.reason = await _verdict(recipe, picture, request, services)
    return inspection


async def _received(request: Request) -> bytes:
    """Return the body, which must declare that it is a PNG."""
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != PNG:
        raise UnsupportedMediaType(f"the body is the file itself, with Content-Type: {PNG}; it was {kind[:80]!r}")
    try:
        return await request.body()
    except ClientDisconnect:
        raise InvalidRequest("the client went away") from None  # nobody hears it; the log is spared a traceback


def _read(data: bytes) -> tuple[PngFile, Provenance]:
    picture = read_png(data, MAX_PIXELS)
    if picture.text is None:
        raise RecipeMissing(f"this PNG has no text {KEYWORD!r}: it was not drawn here, or without metadata=true")
    try:
        return picture, Provenance.model_validate_json(picture.text, extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"][:3]))[:80]
        raise RecipeInvalid(f"the text {KEYWORD!r} is no recipe of ours: {where}: {first['msg'][:200]}") from None


async def _verdict(
    recipe: Provenance, picture: PngFile, request: Request, services: Services
) -> tuple[bool | None, str | None]:
    """Return whether a recipe draws this picture (None: nobody can tell), and why not."""
    if recipe.seed is None and recipe.z is None:
        return None, "the recipe has neither seed nor z"
    try:
        ref = parse_reference(f"{recipe.model}@{recipe.version}")
        engine = await engine_for(VersionTask.GENERATION, ref, services)
        if engine.digest != recipe.digest:
            return None, f"{ref} has other weights here ({engine.digest}) than those that drew it ({recipe.digest})"
        params = check(_as_request(recipe), engine, PNG, services.settings.max_images)
    except (NotFound, InvalidRequest, ModelCollapsed, ValidationError) as error:
        return None, f"this cannot be drawn here: {_shown(error)}"
    compare = functools.partial(_difference, params=params, picture=picture)
    work_s = READ_S + 3 * picture.width * picture.height * COMPARE_BYTE_S
    with counted(1, request, services):
        reason = (await services.batcher.draw(engine, params.rows, compare, work_s)).content
    if isinstance(reason, PictureInvalid):
        raise reason
    return reason is None, reason


def _as_request(recipe: Provenance) -> GenerateBody:
    """Turn a recipe into a request, which is checked like any other."""
    return GenerateBody(
        seeds=None if recipe.seed is None else recipe.seeds,
        label=None if recipe.labels is None else [*recipe.labels],
        z=recipe.z,
        truncation=recipe.truncation,
        scale=recipe.scale,
        format="png",
    )


def _difference(drawn_NHWC: Images, params: SamplingParams, picture: PngFile) -> str | PictureInvalid | None:
    """Describe how a picture differs from the drawn one; None if equal. Unpacks it here, where few run at a time."""
    drawn_HWC = one_picture(drawn_NHWC, params.scale)
    height, width = drawn_HWC.shape[:2]
    if (height, width) != (picture.height, picture.width):
        return f"the recipe draws {width} x {height} pixels; this picture has {picture.width} x {picture.height}"
    try:
        found_HWC = picture.decode()
    except PictureInvalid as error:  # of who asked, not of the encoders
        return error
    if found_HWC is None:
        return "its pixels are more than grey or RGB of 8 bits, which is all that is drawn here"
    differing = int((drawn_HWC != found_HWC).any(axis=2).sum())
    return f"{differing} of {height * width} pixels differ" if differing else None


def _shown(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc'][:3]))}: {first['msg']}"[:200]
    return str(error)
