"""`client.models`: published models, their versions and aliases. Knows the routes under /models.

Knows no terminal.
"""

import hashlib
from collections.abc import AsyncGenerator
from pathlib import Path

from ganymede import output
from ganymede.client.blocking import Blocking, blocking, blocking_iterator
from ganymede.client.connection import ServiceConnection, flat, given, part
from ganymede.errors import NotUnderstood
from ganymede.schemas.bodies import Page
from ganymede.schemas.models import AliasBody, AliasMove, ModelBody, ModelSummary, VersionBody
from ganymede.schemas.references import PRODUCTION

STALLED_AFTER_S = 60.0  # of a download that brings nothing


class AsyncModels:
    def __init__(self, connection: ServiceConnection) -> None:
        self._connection = connection

    def list(self) -> AsyncGenerator[ModelSummary, None]:
        return flat(self.pages())

    def pages(self) -> AsyncGenerator[Page[ModelSummary], None]:
        return self._connection.pages(Page[ModelSummary], "/models")

    async def get(self, model: str) -> ModelBody:
        return await self._connection.get(ModelBody, _path(model))

    def versions(self, model: str) -> AsyncGenerator[VersionBody, None]:
        """All versions, newest first; `get` shows the newest of them."""
        pages = self._connection.pages(Page[VersionBody], f"{_path(model)}/versions")
        return flat(pages)

    async def version(self, model: str, version: int) -> VersionBody:
        return await self._connection.get(VersionBody, _version(model, version))

    async def samples(self, model: str, version: int) -> bytes:
        """The grid that was drawn when the version was made, as WebP."""
        return await self._connection.content(f"{_version(model, version)}/samples")

    def aliases(self, model: str) -> AsyncGenerator[AliasBody, None]:
        pages = self._connection.pages(Page[AliasBody], f"{_path(model)}/aliases")
        return flat(pages)

    async def alias(self, model: str, alias: str = PRODUCTION) -> AliasBody:
        return await self._connection.get(AliasBody, _alias(model, alias))

    async def promote(
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
        return await self._connection.ask(AliasBody, "PUT", _alias(model, alias), json=body, headers=headers)

    async def remove_alias(self, model: str, alias: str, *, expected: int | None = None) -> None:
        headers = {} if expected is None else {"If-Match": f'"{expected}"'}
        await self._connection.send("DELETE", _alias(model, alias), headers=headers)

    def history(self, model: str, alias: str = PRODUCTION) -> AsyncGenerator[AliasMove, None]:
        return flat(self.history_pages(model, alias))

    def history_pages(self, model: str, alias: str = PRODUCTION) -> AsyncGenerator[Page[AliasMove], None]:
        return self._connection.pages(Page[AliasMove], f"{_alias(model, alias)}/history")

    async def manifest(self, model: str, version: int) -> bytes:
        """The manifest of a version, byte for byte as it was published."""
        return await self._connection.content(f"{_version(model, version)}/manifest")

    async def weights(self, model: str, version: int, target: str | Path, *, digest: str | None = None) -> Path:
        """Write a version's weights to a file: whole, and of `digest` if that is given, or not at all."""
        found = hashlib.sha256()
        path = f"{_version(model, version)}/weights"
        async with self._connection.stream(path, timeout=STALLED_AFTER_S) as answer:
            with output.writing(target) as file:
                async for chunk in answer.chunks:
                    found.update(chunk)
                    file.write(chunk)
                if digest is not None and digest != f"sha256:{found.hexdigest()}":
                    came = f"the weights that came are not those of {model}@{version}"
                    raise NotUnderstood(f"{came}: {digest} was expected")
        return Path(target)

    async def add(self, model: str, weights: str | Path, manifest: str | Path) -> VersionBody:
        """Upload a version from its two files; it gets the model's next number."""
        paths = {"weights": Path(weights), "manifest": Path(manifest)}
        kinds = {"weights": "application/octet-stream", "manifest": "application/json"}
        with paths["weights"].open("rb") as first, paths["manifest"].open("rb") as second:
            opened = {"weights": first, "manifest": second}
            sent = {name: (path.name, opened[name], kinds[name]) for name, path in paths.items()}
            shown = {"form": [(name, path, kinds[name]) for name, path in paths.items()]}  # for --curl
            path = f"{_path(model)}/versions"
            return await self._connection.ask(VersionBody, "POST", path, files=sent, extensions=shown)

    async def delete(self, model: str) -> None:
        """Remove a model with all its versions."""
        await self._connection.send("DELETE", _path(model))

    async def delete_version(self, model: str, version: int) -> None:
        """Remove a version; refused while an alias points to it."""
        await self._connection.send("DELETE", _version(model, version))


def _path(model: str) -> str:
    return f"/models/{part(model)}"


def _version(model: str, version: int) -> str:
    return f"{_path(model)}/versions/{part(version)}"


def _alias(model: str, alias: str) -> str:
    return f"{_path(model)}/aliases/{part(alias)}"


class Models(Blocking):
    """`AsyncModels` for who waits."""

    list = blocking_iterator(AsyncModels.list)
    pages = blocking_iterator(AsyncModels.pages)
    get = blocking(AsyncModels.get)
    versions = blocking_iterator(AsyncModels.versions)
    version = blocking(AsyncModels.version)
    samples = blocking(AsyncModels.samples)
    aliases = blocking_iterator(AsyncModels.aliases)
    alias = blocking(AsyncModels.alias)
    promote = blocking(AsyncModels.promote)
    remove_alias = blocking(AsyncModels.remove_alias)
    history = blocking_iterator(AsyncModels.history)
    history_pages = blocking_iterator(AsyncModels.history_pages)
    manifest = blocking(AsyncModels.manifest)
    weights = blocking(AsyncModels.weights)
    add = blocking(AsyncModels.add)
    delete = blocking(AsyncModels.delete)
    delete_version = blocking(AsyncModels.delete_version)
