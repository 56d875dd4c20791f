"""The body of an answer that is an error, and the codes that tell errors apart. Knows no exception."""

from enum import StrEnum

from pydantic import BaseModel, Field


class ProblemCode(StrEnum):
    """What went wrong. Codes are stable; docs/api.md lists them by status. A newer service may send others."""

    INTERNAL = "internal"
    BAD_REQUEST = "bad_request"
    HOST_NOT_ALLOWED = "host_not_allowed"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    KEY_INVALID = "key_invalid"
    SCOPE_MISSING = "scope_missing"
    RATE_LIMITED = "rate_limited"
    QUOTA_EXCEEDED = "quota_exceeded"
    KEYS_UNUSABLE = "keys_unusable"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    BODY_TOO_LARGE = "body_too_large"
    URL_TOO_LONG = "url_too_long"
    INVALID_REQUEST = "invalid_request"
    LABEL_NOT_SUPPORTED = "label_not_supported"
    WRONG_TASK = "wrong_task"
    MODEL_COLLAPSED = "model_collapsed"
    PICTURE_INVALID = "picture_invalid"
    RECIPE_MISSING = "recipe_missing"
    RECIPE_INVALID = "recipe_invalid"
    NOT_FOUND = "not_found"
    MODEL_NOT_FOUND = "model_not_found"
    RUN_NOT_FOUND = "run_not_found"
    DATASET_NOT_FOUND = "dataset_not_found"
    SAMPLE_NOT_FOUND = "sample_not_found"
    NEAREST_NOT_FOUND = "nearest_not_found"
    CHECKPOINT_NOT_FOUND = "checkpoint_not_found"
    ALIAS_NOT_FOUND = "alias_not_found"
    NOT_ACCEPTABLE = "not_acceptable"
    CONFLICT = "conflict"
    ILLEGAL_TRANSITION = "illegal_transition"
    VERSION_IN_USE = "version_in_use"
    DATASET_IN_USE = "dataset_in_use"
    IDEMPOTENCY_KEY_IN_FLIGHT = "idempotency_key_in_flight"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    PRECONDITION_FAILED = "precondition_failed"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    RANGE_NOT_SATISFIABLE = "range_not_satisfiable"
    OVERLOADED = "overloaded"
    TIMEOUT = "timeout"
    NOT_READY = "not_ready"
    REDIS_UNAVAILABLE = "redis_unavailable"
    STORE_DAMAGED = "store_damaged"
    STORE_FULL = "store_full"
    STORE_UNAVAILABLE = "store_unavailable"
    NOT_ON_OBJECTS = "not_on_objects"


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
    scope: str | None = Field(None, description="What the key would have to be made for.")
    current_status: str | None = Field(None, description="Of a run that cannot do what was asked.")
    allowed: list[str] | None = Field(None, description="What that run may become.")
