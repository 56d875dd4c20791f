"""What the API answers, as types: one definition for the server that fills them and the client that reads them.

Nothing here knows HTTP, or where the facts come from. A field that a newer server added is ignored by an older client.
"""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """A part of a list."""

    model_config = ConfigDict(json_schema_extra={"description": "A part of a list."})  # also of Page[RunBody]

    data: list[T]
    next_cursor: str | None = Field(description="Give it as `cursor` to get the next part; null: this was the last.")


class FieldProblemBody(BaseModel):
    """A field that is wrong."""

    pointer: str = Field(description="A query parameter by its name, a field of a body as a JSON pointer.")
    detail: str


class Problem(BaseModel):
    """Every error (RFC 9457, `application/problem+json`)."""

    type: str = Field(examples=["urn:ganymede:problem:run_not_found"])
    title: str
    status: int
    code: str = Field(description="Stable; docs/api.md lists them.", examples=["run_not_found"])
    detail: str
    instance: str
    request_id: str
    errors: list[FieldProblemBody] | None = Field(None, description="The fields that are wrong.")
    current_status: str | None = Field(None, description="Of a run that cannot do what was asked.")
    allowed: list[str] | None = Field(None, description="What that run may become.")
