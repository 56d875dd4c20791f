"""The OpenAPI document: what FastAPI makes of the routes, with our errors instead of its own. Knows no route."""

from typing import Any

from fastapi import FastAPI

from core.answers import FieldProblemBody, Problem

SCHEMAS = "#/components/schemas/{model}"


def install(app: FastAPI) -> None:
    """Have `app` describe its errors as it sends them: problem+json, never FastAPI's own form."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _with_problems(made())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _with_problems(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for model in (Problem, FieldProblemBody):
        schema = model.model_json_schema(ref_template=SCHEMAS)
        schema.pop("$defs", None)
        schemas[model.__name__] = schema
    return document
