"""The body of an answer that is an error. Knows no error in particular."""

from pydantic import BaseModel, Field


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
