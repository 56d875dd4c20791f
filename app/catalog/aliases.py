"""/models/{model}/aliases: what a name means, and who changed it when. Promotion and rollback are one call.

Knows no engine and no file.
"""

from typing import Annotated

from fastapi import Header, Path, Response
from starlette.concurrency import run_in_threadpool

from app.catalog.body import ModelName
from app.deps import Services, ServicesDep
from app.errors import documented
from app.http.conditional import IfNoneMatch, check_conditions, is_known
from app.http.min_revision import NAME as MIN_REVISION
from app.http.min_revision import revision_header
from app.http.routing import Router
from app.makers import OwnModel
from core.errors import (
    AliasNotFound,
    Conflict,
    InvalidRequest,
    ModelCollapsed,
    ModelNotFound,
    PreconditionFailed,
    StoreDamaged,
)
from core.refs import check_model_name, check_name, parse_model_ref
from core.registry import Check
from core.registry.pointers import Pointers
from ganymede.schemas.bodies import Page
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.models import AliasBody, AliasMove
from ganymede.schemas.references import ModelRef
from ganymede.schemas.specs import AliasChange

router = Router(prefix="/models/{model}/aliases", tags=["models"], writes=KeyScope.MODELS_WRITE)

AliasName = Annotated[str, Path(max_length=100, description="Name of an alias.", examples=["production"])]
IfMatch = Annotated[str | None, Header(description='Only if the alias has this ETag: `"3"` while it means version 3.')]
IfNoAlias = Annotated[str | None, Header(alias="If-None-Match", description="`*`: only if there is no such alias.")]


@router.get("", responses=documented(ModelNotFound))
def list_aliases(model: ModelName, services: ServicesDep) -> Page[AliasBody]:
    """The aliases of a model, by name."""
    pointers = _pointers(model, services)
    return Page(data=[_body(pointers, alias) for alias in sorted(pointers.aliases)], next_cursor=None)


@router.get("/{alias}", responses=documented(AliasNotFound, ModelNotFound), response_model=AliasBody)
def read_alias(
    model: ModelName, alias: AliasName, response: Response, services: ServicesDep, if_none_match: IfNoneMatch = None
) -> AliasBody | Response:
    """Where an alias points, since when and why. The ETag is what `If-Match` of a change takes."""
    pointers = _pointers(model, services)
    if check_name(alias, "alias") not in pointers.aliases:
        known = ", ".join(sorted(pointers.aliases)) or "none"
        raise AliasNotFound(f"model {model!r} has no alias {alias!r} (aliases: {known})")
    body = _body(pointers, alias)
    response.headers["ETag"], response.headers["Cache-Control"] = _etag(body.version), "no-cache"
    if is_known(if_none_match, _etag(body.version)):
        return Response(status_code=304, headers=dict(response.headers))
    return body


@router.put(
    "/{alias}",
    responses={
        201: {"model": AliasBody, "description": "The alias is new."},
        **documented(ModelNotFound, InvalidRequest, ModelCollapsed, Conflict, PreconditionFailed, StoreDamaged),
    },
)
async def move_alias(
    name: OwnModel,
    alias: AliasName,
    change: AliasChange,
    response: Response,
    services: ServicesDep,
    if_match: IfMatch = None,
    if_none_match: IfNoAlias = None,
) -> AliasBody:
    """Point an alias to a version: promote, or roll back. Served at once, without a failed request.

    Refused: a version whose files are damaged (500 `store_damaged`), or that has collapsed (422 `model_collapsed`).
    """
    check_name(alias, "alias")
    check = _check(f"alias {alias!r} of model {name!r}", if_match, if_none_match)
    await services.models.check(name, change.version)
    move = services.registry.move_alias
    before, pointers = await run_in_threadpool(move, name, alias, change.version, change.reason, check)
    await services.models.announce(name)
    response.status_code = 201 if before is None else 200
    response.headers["ETag"] = _etag(change.version)
    response.headers[MIN_REVISION] = revision_header(name, pointers.revision)
    return _body(pointers, alias)


@router.delete(
    "/{alias}", status_code=204, responses=documented(AliasNotFound, ModelNotFound, Conflict, PreconditionFailed)
)
async def remove_alias(
    name: OwnModel, alias: AliasName, response: Response, services: ServicesDep, if_match: IfMatch = None
) -> None:
    """Remove an alias. Without `production` the model's name means `latest` again."""
    check_name(alias, "alias")
    if parse_model_ref(services.settings.default_model) == ModelRef(name, alias=alias):
        raise Conflict(f"{name}:{alias} is the default model of this service (GANYMEDE_DEFAULT_MODEL)")
    check = _check(f"alias {alias!r} of model {name!r}", if_match, None)
    pointers = await run_in_threadpool(services.registry.remove_alias, name, alias, check)
    await services.models.announce(name)
    response.headers[MIN_REVISION] = revision_header(name, pointers.revision)


@router.get("/{alias}/history", responses=documented(AliasNotFound, ModelNotFound))
def read_history(model: ModelName, alias: AliasName, services: ServicesDep) -> Page[AliasMove]:
    """The newest 200 moves of an alias, newest first; also of one that was removed."""
    pointers = _pointers(model, services)
    moves = _moves(pointers, check_name(alias, "alias"))
    if not moves and alias not in pointers.aliases:
        raise AliasNotFound(f"model {model!r} never had an alias {alias!r}")
    return Page(data=moves, next_cursor=None)


def _pointers(model: str, services: Services) -> Pointers:
    name = check_model_name(model, "model")
    services.registry.resolve(ModelRef(name))
    return services.registry.pointers(name)


def _check(what: str, if_match: str | None, if_none_match: str | None) -> Check:
    def check(version: int | None) -> None:
        check_conditions(what, None if version is None else _etag(version), if_match, if_none_match)

    return check


def _etag(version: int) -> str:
    return f'"{version}"'


def _moves(pointers: Pointers, alias: str) -> list[AliasMove]:
    return [
        AliasMove(alias=alias, version=move.to, previous=move.before, at=move.at, reason=move.reason)
        for move in reversed(pointers.history)
        if move.alias == alias
    ]


def _body(pointers: Pointers, alias: str) -> AliasBody:
    last = next(iter(_moves(pointers, alias)), None)
    return AliasBody(
        alias=alias,
        version=pointers.aliases[alias],
        previous=last.previous if last else None,
        changed_at=last.at if last else None,
        reason=last.reason if last else None,
    )
