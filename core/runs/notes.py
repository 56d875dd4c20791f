"""What people write on a run: name, tags, notes. Not what it is trained by, so it may change at any time.

Knows no files.
"""

from pydantic import Field

from core.errors import InvalidRequest
from ganymede.schemas.specs import MAX_TAGS, RunPatch
from ganymede.schemas.states import StatePart


class Notes(StatePart):
    """notes.json; where there is none, what the run was asked with."""

    name: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    notes: str | None = None

    def patched(self, patch: RunPatch) -> "Notes":
        """What is left out stays, null removes, tags are merged; InvalidRequest where that makes too many of them."""
        changes = patch.model_dump(include={"name", "notes"}, exclude_unset=True)
        tags = {key: value for key, value in (self.tags | patch.tags).items() if value is not None}
        if len(tags) > MAX_TAGS:
            raise InvalidRequest.field("/tags", f"a run may have up to {MAX_TAGS} tags; this would make {len(tags)}")
        return self.model_copy(update=changes | {"tags": tags})
