"""/train/{run_id}/checkpoints/{step}/nearest: whether a run copies its pictures. Knows no features."""

import io
from typing import Any, Literal

import numpy as np
from fastapi import Request
from PIL import Image
from starlette.responses import Response

from app.deps import ServicesDep
from app.errors import documented
from app.http.conditional import IfNoneMatch
from app.http.negotiation import preferred
from app.http.proxy import address
from app.http.routing import Router
from app.train.body import RunId, Step
from app.train.history import answer_of_step
from core.errors import InvalidRequest, NearestNotFound, NotAcceptable, RunNotFound
from core.media.images.png import write_png
from core.refs import find_place
from core.runs import Run
from core.runs.samples import list_grids
from core.store import SCHEMA, files
from ganymede.schemas.nearest import NearestBody
from ganymede.schemas.references import BranchStep

Form = Literal["webp", "png", "json"]
MEDIA_TYPES: dict[Form, str] = {"webp": "image/webp", "png": "image/png", "json": "application/json"}
SHOWN = 20  # of the steps that there are, in a refusal

router = Router(prefix="/train/{run_id}/checkpoints", tags=["train"], needs_files=True)

ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": NearestBody,
        "content": {"image/webp": {}, "image/png": {}},
        "description": "The sheet, or its facts.",
    },
    304: {"description": "You have it."},
    **documented(RunNotFound, NearestNotFound, InvalidRequest, NotAcceptable),
}


@router.get("/{step}/nearest", response_class=Response, responses=ANSWERS)
def read_nearest(
    run_id: RunId, step: Step, request: Request, services: ServicesDep, if_none_match: IfNoneMatch = None
) -> Response:
    """Are these copies? The fakes of a step that are nearest to a real picture, each beside it, with the distances and
    what is usual among real pictures."""
    run = services.runs.get(run_id)
    form = preferred(request.headers.get("accept", ""), MEDIA_TYPES)
    place = _place(run, step)
    try:
        content = _facts(run, place) if form == "json" else _sheet(run, place, form)
    except FileNotFoundError:  # dropped meanwhile, or the run with it
        run.must_exist()
        raise NearestNotFound(f"the sheet of {place} is no longer kept") from None
    return answer_of_step(content, MEDIA_TYPES[form], step, _url(run, place), if_none_match, Vary="Accept")


def _place(run: Run, step: str) -> BranchStep:
    sheets = list_grids(run.nearest)
    found = find_place(sheets, step)
    if found is None:
        there = ", ".join(map(str, sheets[-SHOWN:])) or "none: it was not evaluated, or by a build before this one"
        raise NearestNotFound(f"run {run.id} held no fakes of {step} beside real pictures; newest of those: {there}")
    return found


def _facts(run: Run, place: BranchStep) -> bytes:
    facts = files.read_json(run.nearest / f"{place}.json", SCHEMA)
    about = {"run": run.id, "branch": place.branch, "step": place.step, "sheet_url": _url(run, place)}
    return NearestBody.model_validate({**facts, **about}).model_dump_json().encode()


def _sheet(run: Run, place: BranchStep, form: Form) -> bytes:
    content = (run.nearest / f"{place}.webp").read_bytes()
    if form == "webp":
        return content
    with Image.open(io.BytesIO(content), formats=["WEBP"]) as picture:
        return write_png(np.asarray(picture.convert("RGB")))


def _url(run: Run, place: BranchStep) -> str:
    return address(f"/train/{run.id}/checkpoints/{place}/nearest")
