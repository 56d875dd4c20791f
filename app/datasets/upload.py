"""POST /datasets: files in, a dataset out. Knows the form, and nothing of what the files hold."""

from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import contextmanager_in_threadpool
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from app.datasets.body import dataset_body
from app.deps import Services, ServicesDep
from app.errors import documented
from app.http.hang_up import unless_gone
from app.http.multipart import PartLimits, Received, body_size, receive_parts
from app.http.proxy import address
from app.http.routing import Router
from app.makers import AskerDep
from core.datasets.order import ImportForm, ImportOrder, Limits, Upload
from core.errors import FieldProblem, InvalidRequest, Overloaded, StoreFull
from core.keys import Asker
from core.refs import check_name
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.models import ImportedDataset

router = Router(prefix="/datasets", tags=["datasets"], writes=KeyScope.DATASETS_WRITE, needs_files=True)

NAME_PART, FILE_PART = "name", "file"
MAX_TEXT_BYTES = 4000
BINARY = {"type": "string", "format": "binary"}


def _form_body() -> dict[str, Any]:
    """Describe the multipart body for OpenAPI."""
    schema = ImportForm.model_json_schema()
    files = {
        "type": "array",
        "items": BINARY,
        "minItems": 1,
        "description": "A zip or a tar of pictures or of sounds (WAV, FLAC or OGG; in a folder for each class, or "
        "without), an .npz, or IDX files, plain or gzipped: images and, perhaps, their labels.",
    }
    form = {
        "type": "object",
        "required": [NAME_PART, FILE_PART],
        "properties": {**schema["properties"], FILE_PART: files},
    }
    return {"required": True, "content": {"multipart/form-data": {"schema": form}}}


@router.post(
    "",
    status_code=201,
    openapi_extra={"requestBody": _form_body()},
    responses={
        200: {"model": ImportedDataset, "description": "It is here already; or it was, but damaged, and is whole now."},
        **documented(InvalidRequest, Overloaded, StoreFull),
    },
)
async def import_dataset(
    request: Request, response: Response, services: ServicesDep, asker: AskerDep
) -> ImportedDataset:
    """Import a dataset from a zip or a tar of pictures or of sounds, IDX files or an .npz, as the current version of
    its name.

    The answer comes when it is done; until then `imports` of `GET /status` tells how far it is. Each file that cannot
    be taken is named in `report`, and the others are taken. Who hangs up ends the import.
    """
    total = body_size(request)
    await run_in_threadpool(services.storage.check_room, total or 0)
    with services.imports.begin(request.scope["state"]["request_id"], total) as current:
        async with contextmanager_in_threadpool(services.store.scratch()) as folder:
            parts = {name: PartLimits(MAX_TEXT_BYTES, is_needed=name == NAME_PART) for name in ImportForm.model_fields}
            parts[FILE_PART] = PartLimits(services.settings.max_upload, may_repeat=True)
            received = await receive_parts(request, folder, parts, count=current.receive, check=_check_early)
            await run_in_threadpool(services.storage.check_room)  # it may have been sent without a length
            order = await run_in_threadpool(_order, received, services, asker)
            done = await unless_gone(request, services.imports.run(current, order, folder), "the import")
    dataset = await run_in_threadpool(services.datasets.get, done.dataset, done.version)
    response.status_code = 201 if done.change == "created" else 200
    response.headers["Location"] = address(f"/datasets/{dataset.name}")
    body = await run_in_threadpool(dataset_body, dataset, services)
    return ImportedDataset(**dict(body), change=done.change, report=done.report)


def _check_early(name: str, before: list[Received]) -> None:
    """Refuse a wrong field in front of a file before the file is read."""
    if name == FILE_PART:
        _form({NAME_PART: "later", **_texts(before)})


def _order(received: list[Received], services: Services, asker: Asker) -> ImportOrder:
    settings, form = services.settings, _form(_texts(received))
    services.datasets.check_maker(form.name, asker)  # before the work, and after it
    return ImportOrder(
        form=form,
        files=tuple(Upload(path=p.path, filename=p.filename) for p in received if p.name == FILE_PART),
        limits=Limits(
            files=settings.max_files,
            bytes=settings.max_unpacked,
            pixels=settings.max_pixels,
            seconds=settings.max_seconds,
        ),
        asker=asker,
    )


def _texts(received: list[Received]) -> dict[str, str]:
    """Return the parts that are no files; an empty one counts as missing."""
    texts = {part.name: _text(part.name, part.path) for part in received if part.name != FILE_PART}
    return {name: text for name, text in texts.items() if text or name == NAME_PART}


def _text(name: str, path: Path) -> str:
    try:
        return path.read_bytes().decode().strip()
    except UnicodeDecodeError:
        raise InvalidRequest.field(f"/{name}", "is no text in UTF-8") from None


def _form(texts: dict[str, str]) -> ImportForm:
    check_name(texts[NAME_PART], f"/{NAME_PART}")
    try:
        return ImportForm.model_validate(texts)
    except ValidationError as error:
        entries = error.errors(include_url=False, include_context=False, include_input=False)
    problems = [FieldProblem(f"/{entry['loc'][0]}", entry["msg"]) for entry in entries]
    raise InvalidRequest("; ".join(f"{p.pointer}: {p.detail}" for p in problems), problems)
