"""What holds for every route: HEAD wherever GET is, a query that says each thing once, and 405 with the methods of that
very address. Knows no route.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any, get_args, get_origin, get_type_hints

from fastapi import APIRouter, Depends, Request, params
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import answer
from core.errors import InvalidRequest, MethodNotAllowed, NotOnObjects
from ganymede.schemas.keys import KeyScope

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
GET, HEAD = METHODS[:2]
READING = frozenset({GET, HEAD})
SAFE_METHODS = READING | {"OPTIONS"}


async def each_once(request: Request) -> None:
    """Refuse a second value of a single-valued query parameter, because its meaning is unknown."""
    if not request.scope["query_string"]:
        return
    singles, seen = _singles(request.scope["endpoint"]), set[str]()
    for name, _ in request.query_params.multi_items():
        if name in seen and name in singles:
            raise repeated(name)
        seen.add(name)


async def with_files(request: Request) -> None:
    """Refuse what an object store cannot hold yet; to read is to find nothing."""
    if request.app.state.services.settings.bucket is not None and request.method not in READING:
        raise NotOnObjects(
            "this service keeps its models in an object store, which holds no runs, no datasets and no webhooks yet: "
            "train where the store is a folder, and import the version here (POST /models/{model}/versions)"
        )


def repeated(name: str) -> InvalidRequest:
    return InvalidRequest.field(name, "is there more than once, and has one value: give it once")


def operation_id(route: APIRoute) -> str:
    """Return the function's name, which generated clients use for the operation."""
    return route.name


class KeyedRoute(APIRoute):
    """A route, and what a key has to be made for that opens it; None: it is open to everyone."""

    needs: KeyScope | None = KeyScope.ADMIN


class Router(APIRouter):
    """FastAPI's router, with the rules of all routes. An app takes its routes as they are: `include_router` would build
    each anew for every app.

    A key of the scope `reads` opens its GET, one of `writes` the rest; None: no key is asked for. needs_files: what
    changes something is refused where the store is an object store.
    """

    def __init__(
        self,
        *,
        reads: KeyScope | None = KeyScope.READ,
        writes: KeyScope | None = KeyScope.ADMIN,
        needs_files: bool = False,
        **options: Any,
    ) -> None:
        self.reads, self.writes = reads, writes
        super().__init__(
            dependencies=[Depends(each_once), *([Depends(with_files)] if needs_files else [])],
            generate_unique_id_function=operation_id,
            route_class=KeyedRoute,
            **options,
        )

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """As FastAPI's, and what answers GET answers HEAD, whose body the server omits."""
        if options.get("methods") == [GET]:
            super().add_api_route(path, endpoint, **{**options, "methods": [HEAD], "include_in_schema": False})
        super().add_api_route(path, endpoint, **options)
        for route in self.routes[-2:]:
            if isinstance(route, KeyedRoute) and route.endpoint is endpoint:
                route.needs = self.reads if (route.methods or set()) <= READING else self.writes


class Addresses:
    """All addresses in routing order: the first of two matching patterns wins."""

    def __init__(self, routes: Iterable[KeyedRoute]) -> None:
        self._of: dict[str, list[KeyedRoute]] = {}
        self._routes = list(routes)
        for route in self._routes:
            self._of.setdefault(route.path_format, []).append(route)
        self.plain = {path: routes[0] for path, routes in self._of.items() if "{" not in path}

    def methods(self, path: str) -> list[str]:
        for routes in self._of.values():
            if routes[0].path_regex.match(path):
                return [m for m in METHODS if any(m in (route.methods or ()) for route in routes)]
        return []

    def needs(self, method: str, path: str) -> KeyScope | None:
        """What a key has to be made for that asks this; where there is nothing, any key will do to be told so."""
        routes = self._of.get(path) or (route for route in self._routes if route.path_regex.match(path))
        return next((route.needs for route in routes if method in (route.methods or ())), KeyScope.READ)

    def documented(self, method: str, path_format: str) -> KeyScope | None:
        """The same for an operation of the OpenAPI document."""
        return next(route.needs for route in self._of[path_format] if method in (route.methods or ()))


class Methods:
    """Middleware: a literal address is no parameter of another; `GET /train/validate` is 405, not a missing run."""

    def __init__(self, app: ASGIApp, addresses: Addresses) -> None:
        self.app, self.addresses = app, addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self.addresses.plain.get(scope["path"]) if scope["type"] == "http" else None
        if route is None or scope["method"] in self.addresses.methods(scope["path"]):
            await self.app(scope, receive, send)
            return
        scope["route"] = route
        response = answer(Request(scope, receive), HTTPException(MethodNotAllowed.status))
        await response(scope, receive, send)


@functools.cache
def _singles(endpoint: Callable[..., Any]) -> frozenset[str]:
    singles: set[str] = set()
    for name, hint in get_type_hints(endpoint, include_extras=True).items():
        asked = [note for note in getattr(hint, "__metadata__", ()) if isinstance(note, params.Query)]
        if not asked:
            continue
        kind = get_args(hint)[0]
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            singles |= {name for name, field in kind.model_fields.items() if get_origin(field.annotation) is not list}
        else:
            singles.add(asked[0].alias or name)
    return frozenset(singles)
