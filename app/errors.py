"""The only place where an exception becomes a response: problem+json (RFC 9457) for every one of them.

Knows no route. A known error tells its own text; an unknown one tells a fixed text, and the log the traceback.
"""

import errno
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from math import ceil
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from app.http.proxy import address
from core.errors import (
    BadRequest,
    BodyTooLarge,
    FieldProblem,
    GanymedeError,
    IllegalTransition,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    RangeNotSatisfiable,
    StoreDamaged,
    StoreFull,
)
from core.keys.errors import KeyInvalid, ScopeMissing
from core.store.files import DISK_FULL, shown
from ganymede.schemas.problems import FieldProblemBody, Problem

MEDIA_TYPE = "application/problem+json"
RAISED_BY_FRAMEWORK = {error.status: error for error in (BadRequest, NotFound, MethodNotAllowed, BodyTooLarge)}
BODY = "body"
NEEDS_JSON = "a JSON object is needed, with Content-Type: application/json"
CHALLENGE = 'Bearer realm="ganymede"'  # RFC 6750
# A folder in a file's place, no permission, a bad or read-only disk: of the store, whatever was asked.
FILE_UNUSABLE = frozenset({errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.EPERM, errno.EIO, errno.EROFS})
# Parts of pydantic's locations that name a branch of a type, not a field.
BRANCHES = frozenset(
    {"auto", "int", "float", "str", "bool", "constrained-int", "constrained-float", "constrained-str", "[key]"}
)

log = logging.getLogger(__name__)


def problem(
    error: GanymedeError,
    instance: str,
    request_id: str,
    *,
    status: int | None = None,
    title: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Make the problem document of an error; `status` and `title` where they are not those of its class."""
    body = Problem(
        type=f"urn:ganymede:problem:{error.code}",
        title=title or error.title,
        status=status or error.status,
        code=error.code,
        detail=str(error),
        instance=instance,
        request_id=request_id,
    )
    if isinstance(error, IllegalTransition):
        body.current_status, body.allowed = error.current_status, list(error.allowed)
    if isinstance(error, ScopeMissing):
        body.scope = error.scope.value
    if error.problems:
        body.errors = [FieldProblemBody(pointer=each.pointer, detail=each.detail) for each in error.problems]
    return JSONResponse(body.model_dump(exclude_unset=True), body.status, headers, media_type=MEDIA_TYPE)


def documented(*errors: type[GanymedeError]) -> dict[int | str, dict[str, Any]]:
    """Return `responses=` of a route that raises `errors`; app.http.openapi adds the schema of each status."""
    codes: dict[int, list[str]] = {}
    for error in errors:
        codes.setdefault(error.status, []).append(f"`{error.code}`")
    return {status: {"description": ", ".join(listed)} for status, listed in codes.items()}


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem document."""
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.add_exception_handler(Exception, _unknown)


def answer(request: Request, error: Exception) -> Response:
    """Return the problem document of a known error; re-raise any other for the outermost layer."""
    for kind, handler in _HANDLERS.items():
        if isinstance(error, kind):
            return handler(request, error)
    raise error


def _about(request: Request) -> tuple[str, str]:
    """Return the address of a request, and its id."""
    return address(request.scope["path"]), request.scope.get("state", {}).get("request_id", "")


def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, GanymedeError)
    headers: dict[str, str] = {}
    if isinstance(error, Overloaded):
        headers["Retry-After"] = str(ceil(error.retry_after_s))
    if isinstance(error, RangeNotSatisfiable):
        headers["Content-Range"] = f"bytes */{error.size}"
    if isinstance(error, KeyInvalid):
        headers["WWW-Authenticate"] = CHALLENGE
    if isinstance(error, ScopeMissing):
        headers["WWW-Authenticate"] = f'{CHALLENGE}, error="insufficient_scope", scope="{error.scope}"'
    if error.status >= 500:
        log.error("%s: %s", error.code, error)
    return problem(error, *_about(request), headers=headers)


def _disk(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    if error.errno in DISK_FULL:
        return _known(request, StoreFull("the disk of the store is full; make room, then send this again"))
    if error.errno in FILE_UNUSABLE and error.filename:
        return _known(request, StoreDamaged(f"{shown(Path(error.filename))} cannot be used: {error.strerror}"))
    raise error


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = _one_a_field([_field_problem(entry) for entry in error.errors()])
    detail = "; ".join(f"{p.pointer}: {p.detail}" if p.pointer else p.detail for p in problems)
    return problem(InvalidRequest(detail, problems), *_about(request))


def _one_a_field(problems: list[FieldProblem]) -> list[FieldProblem]:
    """Keep one problem a field, though each of its possible types has failed."""
    by_pointer: dict[str, str] = {}
    for found in problems:
        before, also = by_pointer.get(found.pointer), found.detail.removeprefix("Input should be ")
        if before is None:
            by_pointer[found.pointer] = found.detail
        elif also not in before:
            by_pointer[found.pointer] = f"{before}, or {also}"
    return [FieldProblem(pointer, detail) for pointer, detail in by_pointer.items()]


def _field_problem(entry: ErrorDetails) -> FieldProblem:
    """Name a query parameter by its name, a field of the body by a JSON pointer."""
    if entry["type"] == "json_invalid":
        return FieldProblem("", f"the body is not JSON: {entry.get('ctx', {}).get('error', '')}")
    is_extra = entry["type"] == "extra_forbidden"  # then the last part is what the client wrote, whatever it is
    where, *path = entry["loc"]
    path = [part for i, part in enumerate(path) if (is_extra and i == len(path) - 1) or not _is_branch(part)]
    message = "this field does not exist" if is_extra else entry["msg"]
    if where == BODY:
        pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
        is_no_object = not pointer and entry["type"] in ("missing", "model_attributes_type")
        return FieldProblem(pointer, NEEDS_JSON if is_no_object else message)
    return FieldProblem(".".join(str(part) for part in path if not isinstance(part, int)), message)


def _is_branch(part: int | str) -> bool:
    return part in BRANCHES or str(part).startswith(("literal[", "function-", "list[", "tuple[", "union["))


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known = RAISED_BY_FRAMEWORK.get(error.status_code, BadRequest if error.status_code < 500 else GanymedeError)
    detail, headers = str(error.detail), dict(error.headers or {})
    if error.status_code == 404:
        detail = f"there is nothing at {request.url.path}"
    if error.status_code == 405:
        headers["Allow"] = ", ".join(request.app.state.addresses.methods(request.scope["path"]))  # app/http/routing.py
        detail = f"{request.method} is not possible here; allowed: {headers['Allow']}"
    return problem(known(detail), *_about(request), status=error.status_code, headers=headers)


_HANDLERS: dict[type[Exception], Callable[[Request, Exception], Response]] = {
    GanymedeError: _known,
    RequestValidationError: _invalid,
    HTTPException: _http,
    OSError: _disk,
}


def _unknown(request: Request, error: Exception) -> Response:
    log.error("unexpected error at %s %s", request.method, request.url.path, exc_info=error)
    detail = "an unexpected error; the service's log has the details under this request_id"
    instance, request_id = _about(request)
    headers = {  # this answer is sent outside the Guard, which puts these on all others
        "Request-Id": request_id,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    title = HTTPStatus.INTERNAL_SERVER_ERROR.phrase
    return problem(GanymedeError(detail), instance, request_id, title=title, headers=headers)
