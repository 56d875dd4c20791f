"""execution.json of a run: how it is computed, as its first attempt decided. Knows no device."""

from pydantic import BaseModel, ConfigDict


class StoredExecution(BaseModel):
    """The record. What is not there was not decided yet."""

    model_config = ConfigDict(frozen=True, extra="allow")

    device: str | None = None
    precision: str = "auto"
    threads: int | None = None
