"""JSON files of the store as records: parsed once where a file is read, written from the record."""

from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from core.errors import StoreDamaged
from core.store import files

SCHEMA = 1  # of every JSON file in the store


class FileDigest(BaseModel):
    """What a record lists of a file beside it."""

    model_config = ConfigDict(frozen=True, strict=True)

    bytes: int
    sha256: str


Listed = dict[str, FileDigest]  # by name
Kind = TypeVar("Kind", bound=BaseModel)


def validated(kind: type[Kind], body: object, name: str) -> Kind:
    """Make a record of what a file holds; StoreDamaged names the file, and the fields that are missing or wrong."""
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        fields = ", ".join(sorted({str(each["loc"][0]) for each in error.errors() if each["loc"]}))
        raise StoreDamaged(f"{name} cannot be used: {fields}") from None


class Record(BaseModel):
    """A JSON file. Its types are those of JSON; what a newer build added is kept, and written again."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    @model_validator(mode="before")
    @classmethod
    def _without_schema(cls, body: object) -> object:
        return {name: value for name, value in body.items() if name != "schema"} if isinstance(body, dict) else body

    @classmethod
    def read(cls, path: Path) -> Self:
        """FileNotFoundError if there is no such file; StoreDamaged names the fields that are missing or wrong."""
        return validated(cls, files.read_json(path, SCHEMA), files.shown(path))

    @classmethod
    def parse(cls, content: bytes, name: str) -> Self:
        """As `read`, of the bytes of a file."""
        return validated(cls, files.parse_json(content, SCHEMA, name), name)

    def write(self, path: Path) -> None:
        files.write_json(path, self.to_json())

    def to_json(self) -> dict[str, Any]:
        """As it is written: the fields that were read, or that it was made of."""
        return {"schema": SCHEMA, **self.model_dump(mode="json", exclude_unset=True)}
