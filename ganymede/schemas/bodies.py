"""What bodies have in common: requests are strict, with null for what is left out; a list comes in pages.

A field that a newer server added to an answer is ignored by an older client. Knows no body in particular.
"""

from functools import cache
from types import NoneType
from typing import Any, Generic, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, field_validator, model_validator
from pydantic_core import CoreSchema

T = TypeVar("T")
SAID_OF_A_FIELD = ("title", "description", "default", "examples")  # in its JSON Schema


class StrictModel(BaseModel):
    """An unknown field is an error: a misspelt option must not be ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BodyModel(StrictModel):
    """A body, or a part of one: it takes what its JSON Schema takes, so neither `true` nor `"64"` is a number.

    A field that may be left out may be null, as generated clients write it, and is as if it were absent.
    """

    model_config = ConfigDict(strict=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        return {name: value for name, value in given.items() if value is not None or name not in _optional(cls)}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name in _optional(cls) & properties.keys():
            properties[name] = _or_null(properties[name])
        return schema

    @field_validator("*", mode="before")
    @classmethod
    def _with_whole_numbers(cls, value: object) -> object:
        """64.0 is an integer, says JSON Schema, and some clients write no other."""
        return [_whole(each) for each in value] if isinstance(value, list) else _whole(value)


class Page(BaseModel, Generic[T]):
    """A part of a list."""

    model_config = ConfigDict(json_schema_extra={"description": "A part of a list."})  # also of Page[RunBody]

    data: list[T]
    next_cursor: str | None = Field(description="Give it as `cursor` to get the next part; null: this was the last.")


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


@cache
def _optional(model: type[BaseModel]) -> frozenset[str]:
    """The fields that may be left out and to which null means nothing of its own."""
    fields = model.model_fields.items()
    return frozenset(name for name, f in fields if not f.is_required() and NoneType not in get_args(f.annotation))


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A field's schema that takes null too; what is said of the field stays outside."""
    described = {key: schema[key] for key in SAID_OF_A_FIELD if key in schema}
    kind = {key: value for key, value in schema.items() if key not in described}
    if isinstance(described.get("default"), dict):  # generators of clients know no objects as a default beside null
        del described["default"]
    return {"anyOf": [*(kind["anyOf"] if kind.keys() == {"anyOf"} else [kind]), {"type": "null"}], **described}
