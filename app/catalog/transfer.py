"""Versions as files: weights, manifest and samples out, weights and manifest in. Knows nothing of what is in them."""

import asyncio
from pathlib import Path as FilePath
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import contextmanager_in_threadpool
from starlette.concurrency import run_in_threadpool

from app.catalog.body import ModelName, VersionNumber, version_body
from app.deps import Services, ServicesDep
from app.errors import documented
from app.http.conditional import IMMUTABLE, IfNoneMatch
from app.http.multipart import PartLimits, body_size, receive_parts
from app.http.proxy import address
from app.http.routing import Router
from app.http.stored import StoredFile
from app.makers import AskerDep, OwnModel, check_model, held_models
from core.errors import (
    Conflict,
    InvalidRequest,
    ModelNotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    StoreDamaged,
    StoreFull,
)
from core.keys import Asker
from core.refs import check_model_name
from core.registry import VersionManifest
from core.registry.manifest import MANIFEST_FILE
from core.store import files
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.models import VersionBody
from models.imports import MANIFEST_PART, MAX_MANIFEST_BYTES, WEIGHTS_PART, Manifest, import_folder
from models.version import SAMPLES_FILE, WEIGHTS_FILE

router = Router(prefix="/models/{model}/versions", tags=["models"], writes=KeyScope.MODELS_WRITE)

BINARY = {"schema": {"type": "string", "format": "binary"}}
IMPORT_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": [WEIGHTS_PART, MANIFEST_PART],
                "properties": {
                    WEIGHTS_PART: {"type": "string", "format": "binary", "description": "As `.../weights` sends it."},
                    MANIFEST_PART: {"type": "string", "format": "binary", "description": "As `.../manifest` sends it."},
                },
            }
        }
    },
}


def _answers(media_type: str, model: type[Manifest] | None = None) -> dict[int | str, dict[str, Any]]:
    """Document a file of bytes, or one that holds `model` as JSON; a part of that is not JSON."""
    whole = {"content": {media_type: BINARY}} if model is None else {"model": model}
    part = {"content": {media_type: BINARY}} if model is None else {}
    return {
        200: {**whole, "description": "The file."},
        206: {**part, "description": "The part of it that `Range` names."},
        304: {"description": "You have it."},
        **documented(ModelNotFound, StoreDamaged, PreconditionFailed, RangeNotSatisfiable),
    }


@router.get("/{version}/weights", response_class=StoredFile, responses=_answers("application/octet-stream"))
def download_weights(
    model: ModelName, version: VersionNumber, services: ServicesDep, _: IfNoneMatch = None
) -> Response:
    """The weights of a version, as a safetensors file. Its ETag is its SHA-256; ranges can be asked for."""
    return _stored(model, version, WEIGHTS_FILE, "application/octet-stream", services, ".safetensors")


@router.get("/{version}/manifest", response_class=StoredFile, responses=_answers("application/json", Manifest))
def download_manifest(
    model: ModelName, version: VersionNumber, services: ServicesDep, _: IfNoneMatch = None
) -> Response:
    """What an import of the weights needs beside them."""
    return _stored(model, version, MANIFEST_FILE, "application/json", services)


@router.get("/{version}/samples", response_class=StoredFile, responses=_answers("image/webp"))
def download_samples(
    model: ModelName, version: VersionNumber, services: ServicesDep, _: IfNoneMatch = None
) -> Response:
    """The grid that was drawn when the version was made: the same seeds for every version."""
    return _stored(model, version, SAMPLES_FILE, "image/webp", services)


@router.post(
    "",
    status_code=201,
    openapi_extra={"requestBody": IMPORT_BODY},
    responses={
        200: {"model": VersionBody, "description": "It is here already."},
        **documented(InvalidRequest, Conflict, StoreFull),
    },
)
async def import_version(
    name: OwnModel, asker: AskerDep, request: Request, response: Response, services: ServicesDep
) -> VersionBody:
    """Publish a version from the weights and the manifest of another service; it draws the same bytes here.

    200 if the same weights of the same run, branch and step are a version already, 409 if other weights are.
    """
    await run_in_threadpool(services.storage.check_room, body_size(request) or 0)
    await run_in_threadpool(check_model, name, asker, services)  # before the work, and with it
    parts = {WEIGHTS_PART: PartLimits(services.settings.max_upload), MANIFEST_PART: PartLimits(MAX_MANIFEST_BYTES)}
    async with contextmanager_in_threadpool(services.store.scratch()) as folder:
        await receive_parts(request, folder, parts)
        version, is_new = await asyncio.get_running_loop().run_in_executor(
            services.importer, _import, services, name, folder, asker
        )
    await services.models.announce(name)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = address(f"/models/{name}/versions/{version}")
    return await run_in_threadpool(version_body, name, version, services)


def _import(services: Services, name: str, folder: FilePath, asker: Asker) -> tuple[int, bool]:
    with held_models([name], asker, services):
        return import_folder(services.registry, services.runs, name, folder, asker)


def _stored(
    model: str, version: int, file: str, media_type: str, services: Services, saved_as: str | None = None
) -> Response:
    """Answer with a file of a version, to be saved as NAME-VERSION and `saved_as`."""
    name = check_model_name(model, "model")
    manifest, path = services.registry.manifest(name, version), services.registry.folder(name, version) / file
    digest, size = _facts(manifest, path)
    headers = {"ETag": f'"{digest}"', "Cache-Control": IMMUTABLE}
    try:
        stat = path.stat()
    except FileNotFoundError:
        raise StoreDamaged(f"{files.shown(path)} is missing") from None
    if size is not None and stat.st_size != size:
        raise StoreDamaged(f"{files.shown(path)} has {stat.st_size} bytes, not {size}")
    filename = f"{name}-{version}{saved_as}" if saved_as else None
    return StoredFile(path, headers=headers, media_type=media_type, filename=filename, stat_result=stat)


def _facts(manifest: VersionManifest, path: FilePath) -> tuple[str, int | None]:
    """Return the SHA-256 and the size that a file must have; of the manifest, which nothing lists, those it has."""
    if path.name == MANIFEST_FILE:
        return files.sha256_file(path), None
    listed = manifest.files.get(path.name)
    if listed is None:
        raise StoreDamaged(f"the manifest.json of {files.shown(path)} does not list it")
    return listed.sha256, listed.bytes
