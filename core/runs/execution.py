"""execution.json of a run: how it is computed, as its first attempt decided. Knows no device."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class StoredExecution(BaseModel):
    """The record. What is not there was not decided yet."""

    model_config = ConfigDict(frozen=True, extra="allow")

    device: str | None = None
    precision: str = "auto"
    threads: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is written, and told."""
        return self.model_dump(mode="json", exclude_unset=True)
