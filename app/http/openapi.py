"""The OpenAPI document: what FastAPI makes of the routes, with our errors instead of its own. Knows no route.

What any route may answer (a foreign Host, an unexpected error) is added here, so that a route lists its own errors
alone. Examples belong to schemas, and are shown wherever a body of that schema is.
"""

import re
from collections.abc import Iterator
from typing import Any, TypedDict

from fastapi import FastAPI

from app.errors import MEDIA_TYPE
from app.http.access import COOKIE
from app.http.examples import EXAMPLES, BodyExample, problem_example
from app.http.routing import Addresses
from core.errors import (
    BadRequest,
    BodyTooLarge,
    ClientGone,
    GanymedeError,
    HostNotAllowed,
    InvalidRequest,
    OriginNotAllowed,
    StoreDamaged,
    StoreFull,
    TrainingFailed,
)
from core.keys.errors import KeyInvalid, KeysUnusable, RateLimited, ScopeMissing
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.problems import FieldProblemBody, Problem

SCHEMAS = "#/components/schemas/{model}"
PROBLEM_SCHEMA = {"$ref": SCHEMAS.format(model=Problem.__name__)}
LICENCE = {"name": "MIT", "identifier": "MIT"}
SERVERS = [{"url": "/", "description": "The service that sent this document."}]
TAGS = {
    "generate": "Draw pictures from a trained model.",
    "train": "Training runs: start, watch, end.",
    "models": "What can be drawn from: models and their versions.",
    "datasets": "What can be trained on.",
    "webhooks": "Where events are sent.",
    "system": "The service itself.",
    "health": "Whether the service is alive and ready, and its numbers.",
}
CODE = re.compile(r"`([a-z_]+)`")
FIRST_SENTENCE = re.compile(r"\.\s+")
DESCRIBED = "As asked."  # a body whose schema says nothing
FASTAPI_SUCCESS, FASTAPI_INVALID = "Successful Response", "Validation Error"  # where a route says nothing
EXAMPLE_REFS = "#/components/examples/"
REQUEST_ID_REF = "#/components/headers/Request-Id"
REQUEST_ID = {"description": "Yours if you sent one, else a new one.", "schema": {"type": "string"}}
KEY_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key that `ganymede keys create` made, for the scope that is named or for `admin`; every key may "
    "read. None is needed while the service has no keys.",
}
SESSION_SCHEME = {
    "type": "apiKey",
    "in": "cookie",
    "name": COOKIE,
    "description": "What `POST /session` sets for a browser; what changes something needs `Origin`, too.",
}
SAFE = ("get", "head", "options")


class ContentPart(TypedDict, total=False):
    """One media type of a body; `schema` refers to a component, or names a type."""

    schema: dict[str, str]
    examples: dict[str, dict[str, str]]


class BodyPart(TypedDict, total=False):
    """A body that is asked for or answered."""

    description: str
    headers: dict[str, dict[str, str]]
    content: dict[str, ContentPart]


class OperationPart(TypedDict, total=False):
    """What is read and changed of an operation."""

    summary: str
    description: str
    tags: list[str]
    security: list[dict[str, list[str]]]
    requestBody: BodyPart
    responses: dict[str, BodyPart]


def install(app: FastAPI) -> None:
    """Document errors as they are sent: problem+json, never FastAPI's own form."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _finished(made(), app.state.addresses)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def every_error(tree: type[GanymedeError] = GanymedeError) -> Iterator[type[GanymedeError]]:
    """Yield all errors with a code of their own that answer a request."""
    yield tree
    for error in tree.__subclasses__():
        if error not in (TrainingFailed, ClientGone):  # that one ends a run, and nobody is left to be told of this one
            yield from every_error(error)


def _finished(document: dict[str, Any], addresses: Addresses) -> dict[str, Any]:
    document["info"]["license"] = LICENCE
    document["servers"] = SERVERS
    document["security"] = []  # each operation has its own
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for theirs in ("HTTPValidationError", "ValidationError"):
        schemas.pop(theirs, None)
    for model in (Problem, FieldProblemBody):
        schemas[model.__name__] = model.model_json_schema(ref_template=SCHEMAS)
        schemas[model.__name__].pop("$defs", None)
    components["headers"] = {"Request-Id": REQUEST_ID}
    components["securitySchemes"] = {"key": KEY_SCHEME, "session": SESSION_SCHEME}
    described = {name: str(schema.get("description", DESCRIBED)) for name, schema in schemas.items()}
    operations: list[tuple[str, str, OperationPart]]
    operations = [(method, path, item[method]) for path, item in document["paths"].items() for method in item]
    for method, path, operation in operations:
        _add_security(operation, addresses.documented(method.upper(), path))
        _finish(method, operation, described)
    components["examples"] = _examples(str(document["paths"]))
    used = {tag for *_, operation in operations for tag in operation.get("tags", [])}
    document["tags"] = [{"name": name, "description": text} for name, text in TAGS.items() if name in used]
    return document


def _examples(paths: str) -> dict[str, BodyExample]:
    """Collect the examples that operations refer to."""
    every = {f"{schema}.{name}": example for schema, named in EXAMPLES.items() for name, example in named.items()}
    every |= {f"{Problem.__name__}.{error.code}": problem_example(error) for error in every_error()}
    return {name: example for name, example in every.items() if f"{EXAMPLE_REFS}{name}'" in paths}


def _finish(method: str, operation: OperationPart, described: dict[str, str]) -> None:
    summary, *rest = FIRST_SENTENCE.split(operation.pop("description", "").strip(), maxsplit=1)
    operation["summary"] = summary.removesuffix(".").replace("`", "") or operation["summary"]  # it is no Markdown
    if rest:
        operation["description"] = rest[0]
    _add_errors(method, operation)
    _finish_contents(operation.get("requestBody", BodyPart()))
    for status, response in operation["responses"].items():
        response.setdefault("headers", {})["Request-Id"] = {"$ref": REQUEST_ID_REF}
        if int(status) >= 400:
            _finish_error(response)
            continue
        _finish_contents(response)
        if response["description"] == FASTAPI_SUCCESS:
            name = _schema_name(response.get("content", {}).get("application/json", {}))
            response["description"] = described.get(name, DESCRIBED)


def _add_security(operation: OperationPart, needs: KeyScope | None) -> None:
    """Which key opens an operation; none while the service has no keys."""
    operation["security"] = [] if needs is None else [{}, {"key": [needs.value]}, {"session": [needs.value]}]
    for error in () if needs is None else (KeyInvalid, ScopeMissing, RateLimited, KeysUnusable):
        _add_error(operation["responses"], error)


def _add_error(responses: dict[str, BodyPart], error: type[GanymedeError]) -> None:
    response = responses.setdefault(str(error.status), {"description": ""})
    if f"`{error.code}`" not in response["description"]:
        response["description"] += f"{', ' if response['description'] else ''}`{error.code}`"


def _add_errors(method: str, operation: OperationPart) -> None:
    """Add the errors that every operation of this kind may answer."""
    errors: list[type[GanymedeError]] = [HostNotAllowed, GanymedeError, StoreDamaged]
    if method not in SAFE:
        errors += [OriginNotAllowed, StoreFull]
    if "requestBody" in operation:
        errors += [BadRequest, BodyTooLarge]
    responses = operation["responses"]
    if responses.get("422", {}).get("description") == FASTAPI_INVALID:
        responses["422"] = {"description": f"`{InvalidRequest.code}`"}
    for error in errors:
        _add_error(responses, error)
    operation["responses"] = dict(sorted(responses.items()))


def _finish_error(response: BodyPart) -> None:
    """Add an example of each code that the description names."""
    codes = CODE.findall(response["description"])
    if codes or "content" not in response:
        examples = {code: {"$ref": f"{EXAMPLE_REFS}{Problem.__name__}.{code}"} for code in codes}
        response["content"] = {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA}}
        if examples:
            response["content"][MEDIA_TYPE]["examples"] = examples


def _finish_contents(body: BodyPart) -> None:
    """Add examples of the schemas; content without a schema is text or bytes."""
    for media_type, content in body.get("content", {}).items():
        name = _schema_name(content)
        if name in EXAMPLES:
            content["examples"] = {key: {"$ref": f"{EXAMPLE_REFS}{name}.{key}"} for key in EXAMPLES[name]}
        if not content.get("schema"):
            is_text = media_type.startswith("text/") or media_type.endswith("-text")
            content["schema"] = {"type": "string"} if is_text else {"type": "string", "format": "binary"}


def _schema_name(content: ContentPart) -> str:
    return str(content.get("schema", {}).get("$ref", "")).removeprefix(SCHEMAS.format(model=""))
