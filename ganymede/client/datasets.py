"""`client.datasets`: what can be trained on, in and out. Knows the routes under /datasets. Knows no terminal."""

import contextlib
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

from ganymede.client.blocking import Blocking, blocking, blocking_iterator
from ganymede.client.connection import ServiceConnection, flat, given, part
from ganymede.names import readable
from ganymede.schemas.bodies import Page
from ganymede.schemas.models import DatasetBody, ImportedDataset

BINARY = "application/octet-stream"
TIMEOUT = (30.0, None, 60.0, 30.0)  # connect, read (pictures are decoded meanwhile), write, pool; seconds


class AsyncDatasets:
    def __init__(self, connection: ServiceConnection) -> None:
        self._connection = connection

    def list(self) -> AsyncGenerator[DatasetBody, None]:
        return flat(self.pages())

    def pages(self) -> AsyncGenerator[Page[DatasetBody], None]:
        return self._connection.pages(Page[DatasetBody], "/datasets")

    async def get(self, dataset: str) -> DatasetBody:
        return await self._connection.get(DatasetBody, _path(dataset))

    async def add(
        self,
        name: str,
        files: str | Path | Sequence[str | Path],
        *,
        size: int | None = None,
        crop: str | None = None,
        channels: int | None = None,
        background: str | None = None,
        encoding: str | None = None,
        source: str | None = None,
        licence: str | None = None,
        attribution: str | None = None,
        request_id: str | None = None,
    ) -> ImportedDataset:
        """Upload a zip or a tar of pictures or sounds, an .npz, or IDX files; what is left out, the service chooses.

        Answers when the dataset is there, however long that takes. With a `request_id`, `client.status().imports`
        tells how far it is.
        """
        paths = [Path(each) for each in ([files] if isinstance(files, str | Path) else files)]
        options = {"size": size, "crop": crop, "channels": channels, "background": background}
        options |= {"encoding": encoding, "source": source, "licence": licence, "attribution": attribution}
        fields = {key: str(value) for key, value in given(name=name, **options).items()}
        headers = {} if request_id is None else {"Request-Id": request_id}
        with contextlib.ExitStack() as stack:
            opened = [(path, stack.enter_context(path.open("rb"))) for path in paths]
            sent: list[Any] = [("file", (readable(path.name), file, BINARY)) for path, file in opened]
            shown = {"fields": fields, "form": [("file", path, BINARY) for path in paths]}  # for --curl
            return await self._connection.ask(
                ImportedDataset,
                "POST",
                "/datasets",
                data=fields,
                files=sent,
                headers=headers,
                timeout=TIMEOUT,
                extensions=shown,
            )

    async def preview(self, dataset: str, *, label: int | str | None = None, n: int | None = None) -> bytes:
        """A contact sheet as PNG; with `label` (class name or index) of that class alone."""
        asked = given(label=label, n=n)
        return await self._connection.content(f"{_path(dataset)}/preview", params=asked)

    async def clip(self, dataset: str, *, label: int | str | None = None, index: int | None = None) -> bytes:
        """A clip of a dataset of sounds as WAV; with `label` (class name or index) of that class."""
        asked = given(label=label, index=index)
        return await self._connection.content(f"{_path(dataset)}/clip", params=asked)

    async def delete(self, dataset: str) -> None:
        """Remove a dataset with all its versions; refused while a run that is not over needs it."""
        await self._connection.send("DELETE", _path(dataset))


def _path(dataset: str) -> str:
    return f"/datasets/{part(dataset)}"


class Datasets(Blocking):
    """`AsyncDatasets` for who waits."""

    list = blocking_iterator(AsyncDatasets.list)
    pages = blocking_iterator(AsyncDatasets.pages)
    get = blocking(AsyncDatasets.get)
    add = blocking(AsyncDatasets.add)
    preview = blocking(AsyncDatasets.preview)
    clip = blocking(AsyncDatasets.clip)
    delete = blocking(AsyncDatasets.delete)
