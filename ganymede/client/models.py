"""`client.models`: published models, their versions and aliases. Knows the routes under /models.

Knows no terminal.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from ganymede import output
from ganymede.client.connection import CHUNK, ServiceConnection, given, part
from ganymede.errors import NotUnderstood
from ganymede.schemas.bodies import Page
from ganymede.schemas.models import AliasBody, AliasMove, ModelBody, ModelSummary, VersionBody
from ganymede.schemas.references import PRODUCTION

STALLED_AFTER_S = 60.0  # of a download that brings nothing


class Models:
    def __init__(self, connection: ServiceConnection) -> None:
        self._connection = connection

    def list(self) -> Iterator[ModelSummary]:
        return (model for page in self.pages() for model in page.data)

    def pages(self) -> Iterator[Page[ModelSummary]]:
        return self._connection.pages(Page[ModelSummary], "/models")

    def get(self, model: str) -> ModelBody:
        return self._connection.get(ModelBody, _path(model))

    def versions(self, model: str) -> Iterator[VersionBody]:
        """All versions, newest first; `get` shows the newest of them."""
        pages = self._connection.pages(Page[VersionBody], f"{_path(model)}/versions")
        return (version for page in pages for version in page.data)

    def version(self, model: str, version: int) -> VersionBody:
        return self._connection.get(VersionBody, _version(model, version))

    def samples(self, model: str, version: int) -> bytes:
        """The grid that was drawn when the version was made, as WebP."""
        return self._connection.send("GET", f"{_version(model, version)}/samples").content

    def aliases(self, model: str) -> Iterator[AliasBody]:
        pages = self._connection.pages(Page[AliasBody], f"{_path(model)}/aliases")
        return (alias for page in pages for alias in page.data)

    def alias(self, model: str, alias: str = PRODUCTION) -> AliasBody:
        return self._connection.get(AliasBody, _alias(model, alias))

    def promote(
        self,
        model: str,
        version: int,
        alias: str = PRODUCTION,
        *,
        reason: str | None = None,
        expected: int | None = None,
    ) -> AliasBody:
        """Let an alias point to a version; with `expected`, only if it points there now (else 412)."""
        headers = {} if expected is None else {"If-Match": f'"{expected}"'}
        body = given(version=version, reason=reason)
        return self._connection.ask(AliasBody, "PUT", _alias(model, alias), json=body, headers=headers)

    def remove_alias(self, model: str, alias: str, *, expected: int | None = None) -> None:
        headers = {} if expected is None else {"If-Match": f'"{expected}"'}
        self._connection.send("DELETE", _alias(model, alias), headers=headers)

    def history(self, model: str, alias: str = PRODUCTION) -> Iterator[AliasMove]:
        return (move for page in self.history_pages(model, alias) for move in page.data)

    def history_pages(self, model: str, alias: str = PRODUCTION) -> Iterator[Page[AliasMove]]:
        return self._connection.pages(Page[AliasMove], f"{_alias(model, alias)}/history")

    def manifest(self, model: str, version: int) -> bytes:
        """The manifest of a version, byte for byte as it was published."""
        return self._connection.send("GET", f"{_version(model, version)}/manifest").content

    def weights(self, model: str, version: int, target: str | Path, *, digest: str | None = None) -> Path:
        """Write a version's weights to a file: whole, and of `digest` if that is given, or not at all."""
        found = hashlib.sha256()
        with (
            self._connection.stream(f"{_version(model, version)}/weights", timeout=STALLED_AFTER_S) as answer,
            output.writing(target) as file,
        ):
            for chunk in answer.iter_bytes(CHUNK):
                found.update(chunk)
                file.write(chunk)
            if digest is not None and digest != f"sha256:{found.hexdigest()}":
                raise NotUnderstood(f"the weights that came are not those of {model}@{version}: {digest} was expected")
        return Path(target)

    def add(self, model: str, weights: str | Path, manifest: str | Path) -> VersionBody:
        """Upload a version from its two files; it gets the model's next number."""
        paths = {"weights": Path(weights), "manifest": Path(manifest)}
        kinds = {"weights": "application/octet-stream", "manifest": "application/json"}
        with paths["weights"].open("rb") as first, paths["manifest"].open("rb") as second:
            opened = {"weights": first, "manifest": second}
            sent = {name: (path.name, opened[name], kinds[name]) for name, path in paths.items()}
            shown = {"form": [(name, path, kinds[name]) for name, path in paths.items()]}  # for --curl
            path = f"{_path(model)}/versions"
            return self._connection.ask(VersionBody, "POST", path, files=sent, extensions=shown)

    def delete(self, model: str) -> None:
        """Remove a model with all its versions."""
        self._connection.send("DELETE", _path(model))

    def delete_version(self, model: str, version: int) -> None:
        """Remove a version; refused while an alias points to it."""
        self._connection.send("DELETE", _version(model, version))


def _path(model: str) -> str:
    return f"/models/{part(model)}"


def _version(model: str, version: int) -> str:
    return f"{_path(model)}/versions/{part(version)}"


def _alias(model: str, alias: str) -> str:
    return f"{_path(model)}/aliases/{part(alias)}"
