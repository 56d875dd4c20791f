"""/models: what can be drawn from. Knows the registry and what is loaded here, no file."""

import contextlib
from typing import Annotated

from fastapi import Query
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from app.catalog.body import ModelName, VersionNumber, version_body
from app.catalog.summary import summary
from app.deps import Services, ServicesDep
from app.errors import documented
from app.http.routing import Router
from app.makers import OwnModel
from core.errors import Conflict, ModelNotFound, StoreDamaged, VersionInUse
from core.network.webhooks.subscription import ModelWebhooks
from core.refs import check_model_name, parse_model_ref
from ganymede.schemas.bodies import Page, StrictModel
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.models import ModelBody, ModelSummary, VersionBody
from ganymede.schemas.references import NAME_PATTERN, ModelRef

router = Router(prefix="/models", tags=["models"], writes=KeyScope.MODELS_WRITE)

VERSIONS_SHOWN = 100  # in the answer about a model; all of them are in the list of its versions


class ModelsQuery(StrictModel):
    """The query parameters of `GET /models`."""

    limit: int = Field(100, ge=1, le=200, description="Models a page.")
    cursor: str | None = Field(
        None, pattern=NAME_PATTERN, description="`next_cursor` of the page before.", examples=["digits"]
    )


class VersionsQuery(StrictModel):
    """The query parameters of `GET /models/{model}/versions`."""

    limit: int = Field(50, ge=1, le=200, description="Versions a page.")
    cursor: str | None = Field(
        None, pattern=r"^[1-9][0-9]{0,8}$", description="`next_cursor` of the page before.", examples=["12"]
    )


@router.get("")
def list_models(services: ServicesDep, query: Annotated[ModelsQuery, Query()]) -> Page[ModelSummary]:
    """The models by name."""
    page: list[ModelSummary] = []
    for name in services.registry.names(after=query.cursor or ""):
        if len(page) == query.limit:
            return Page(data=page, next_cursor=page[-1].name)
        if line := summary(services.models, name):
            page.append(line)
    return Page(data=page, next_cursor=None)


@router.get("/{model}", responses=documented(ModelNotFound))
def read_model(model: ModelName, services: ServicesDep) -> ModelBody:
    """One model: aliases, its newest 100 versions, what is loaded here, what cannot be."""
    name = check_model_name(model, "model")
    line = summary(services.models, name)
    if line is None:
        raise ModelNotFound(f"there is no model {name!r}")
    versions, damaged = [], {}
    for number in services.registry.versions(name)[: -VERSIONS_SHOWN - 1 : -1]:
        try:
            versions.append(version_body(name, number, services))
        except ModelNotFound:
            continue  # deleted while we looked
        except StoreDamaged as error:
            damaged[number] = str(error)
    engines = services.models.cache.of(name)
    loaded = {engine.version: engine.described() for engine in engines if isinstance(engine.version, int)}
    made_by = services.registry.cached(name).made_by
    return ModelBody(**line.model_dump(), made_by=made_by, versions=versions, loaded=loaded, damaged_versions=damaged)


@router.delete("/{model}", status_code=204, responses=documented(ModelNotFound, Conflict))
async def delete_model(name: OwnModel, services: ServicesDep) -> None:
    """Delete a model with all its versions and aliases. Its numbers are not used again.

    409 for the default model of the service. A run that still publishes under the name makes it anew.
    """
    if _default(services).name == name:
        raise Conflict(f"{name!r} is the default model of this service (GANYMEDE_DEFAULT_MODEL)")
    await run_in_threadpool(services.registry.delete, name)
    await run_in_threadpool(ModelWebhooks(services.store).remove, name)  # the name is free now, and may be another's
    await services.models.announce(name)


@router.get("/{model}/versions", responses=documented(ModelNotFound))
def list_versions(
    model: ModelName, services: ServicesDep, query: Annotated[VersionsQuery, Query()]
) -> Page[VersionBody]:
    """The versions of a model, newest first; those whose manifest is damaged are told by `GET /models/{model}`."""
    name = check_model_name(model, "model")
    numbers = services.registry.versions(name)
    if not numbers:
        raise ModelNotFound(f"there is no model {name!r}")
    page: list[VersionBody] = []
    for number in reversed(numbers):
        if query.cursor is not None and number >= int(query.cursor):
            continue
        if len(page) == query.limit:
            return Page(data=page, next_cursor=str(page[-1].version))
        with contextlib.suppress(ModelNotFound, StoreDamaged):
            page.append(version_body(name, number, services))
    return Page(data=page, next_cursor=None)


@router.get("/{model}/versions/{version}", responses=documented(ModelNotFound, StoreDamaged))
def read_version(model: ModelName, version: VersionNumber, services: ServicesDep) -> VersionBody:
    """One version: where it comes from, its labels, its digest, whether it is loaded here."""
    return version_body(check_model_name(model, "model"), version, services)


@router.delete(
    "/{model}/versions/{version}", status_code=204, responses=documented(ModelNotFound, VersionInUse, Conflict)
)
async def delete_version(name: OwnModel, version: VersionNumber, services: ServicesDep) -> None:
    """Delete a version; 409 while an alias points to it (`latest` counts). Its number is not used again."""
    if _default(services) == ModelRef(name, version):
        raise Conflict(f"{name}@{version} is the default model of this service (GANYMEDE_DEFAULT_MODEL)")
    await run_in_threadpool(services.registry.delete_version, name, version)
    await services.models.announce(name)


def _default(services: Services) -> ModelRef:
    return parse_model_ref(services.settings.default_model)
