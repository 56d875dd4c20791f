"""Keys as a client sees them: what one may do, and its public part. Knows no secret."""

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, Field


class KeyScope(StrEnum):
    """What a key may be used for. Every key may read; `admin` may everything, also what another key made."""

    READ = "read"
    GENERATE = "generate"
    TRAIN = "train"
    MODELS_WRITE = "models:write"
    DATASETS_WRITE = "datasets:write"
    WEBHOOKS_WRITE = "webhooks:write"
    ADMIN = "admin"


class KeyRef(BaseModel):
    """A key by its public part, which opens nothing."""

    id: str = Field(description="Its beginning, by which a leaked one is recognised and revoked.")
    name: str


class SessionBody(BaseModel):
    """Who a request is from, and what is open to it."""

    key: KeyRef | None = Field(description="None where the service has no keys.")
    scopes: list[KeyScope] = Field(description="All that is open, those included that every key or `admin` opens.")
    expires_at: AwareDatetime | None = Field(description="When that ends by itself.")
