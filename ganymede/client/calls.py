"""All that a service can be asked, as coroutines: what is sent, and the type of what comes. The calls of both clients.

Knows routes and their parameters; which values are allowed, the service says.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ganymede.client.connection import ServiceConnection, flat, given
from ganymede.client.datasets import AsyncDatasets
from ganymede.client.drawing import Drawing, holed, read_drawing, sent_pictures
from ganymede.client.models import AsyncModels
from ganymede.client.runs import AsyncRuns
from ganymede.schemas.bodies import Page
from ganymede.schemas.classification import ClassificationBody
from ganymede.schemas.drawings import InspectionBody
from ganymede.schemas.runs import RunBody
from ganymede.schemas.system import Alive, QueueBody, Readiness, StatusBody, WorkerBody
from ganymede.schemas.validation import ValidationBody

MEASURED_WITHIN_S = 60.0
SEARCHED_WITHIN_S = 120.0  # longer than a service lets a search take, unless it is told to

Options = Mapping[str, str | float | Sequence[str] | None]  # by name, as ganymede.schemas.specs has them


class ServiceCalls:
    def __init__(self, connection: ServiceConnection) -> None:
        self._connection = connection
        self.runs = AsyncRuns(connection)
        self.models = AsyncModels(connection)
        self.datasets = AsyncDatasets(connection)

    @property
    def url(self) -> str:
        return self._connection.url

    async def generate(
        self,
        *,
        model: str | None = None,
        seed: int | None = None,
        seeds: str | Sequence[int] | None = None,
        label: int | str | Sequence[int | str] | None = None,
        n: int | None = None,
        truncation: float | None = None,
        scale: int | None = None,
        format: str | None = None,
        metadata: bool | None = None,
        z: Iterable[Iterable[float]] | None = None,
    ) -> Drawing:
        """Draw `n` images, or those of `seeds` ("0,1,4-6" or a list), or of the noise `z` (a row for each).

        What is left out is the service's default, and told in the answer.
        """
        how = {"truncation": truncation, "scale": scale, "metadata": metadata}
        form = "png" if z is not None and not format else format
        asked = given(model=model, seed=seed, label=label, n=n, format=form, **how)
        if z is not None:
            body = {**asked, **given(seeds=seeds), "z": [[float(x) for x in row] for row in z]}
            return read_drawing(await self._connection.send("POST", "/generate", json=body))
        query = {**asked, **given(seeds=_listed(seeds))}
        return read_drawing(await self._connection.send("GET", "/generate", params=query))

    async def morph(
        self,
        seeds: str | Sequence[int],
        *,
        model: str | None = None,
        label: int | str | Sequence[int | str] | None = None,
        frames: int | None = None,
        loop: bool | None = None,
        fps: int | None = None,
        truncation: float | None = None,
        scale: int | None = None,
        format: str | None = None,
    ) -> Drawing:
        """Draw the way from seed to seed as one moving picture: `webp`, `gif` or `apng`, or a `zip` of its frames.

        `frames` lie from one key to the next; with `loop` it leads back to the first.
        """
        how = given(truncation=truncation, scale=scale, format=format)
        asked = given(model=model, label=label, frames=frames, loop=loop, fps=fps, **how)
        body = {**asked, "seeds": seeds if isinstance(seeds, str) else [*seeds]}
        return read_drawing(await self._connection.send("POST", "/generate/morph", json=body))

    async def complete(
        self,
        picture: bytes | str | Path,
        mask: bytes | str | Path | None = None,
        *,
        model: str | None = None,
        seed: int | None = None,
        seeds: str | Sequence[int] | None = None,
        label: int | str | Sequence[int | str] | None = None,
        n: int | None = None,
        truncation: float | None = None,
        scale: int | None = None,
        format: str | None = None,
        method: str | None = None,
        steps: int | None = None,
    ) -> Drawing:
        """Fill the hole of a PNG (its bytes, or a file): what is transparent, or in `mask` not black; `n` drafts.

        With `method="search"` any model that draws does, in up to `steps` steps a draft: that takes a while.
        """
        how = given(truncation=truncation, scale=scale, format=format, method=method, steps=steps)
        asked = given(model=model, seed=seed, seeds=_listed(seeds), label=label, n=n) | how
        sent = holed(picture, mask)
        if method == "search":
            sent["timeout"] = SEARCHED_WITHIN_S
        return read_drawing(await self._connection.send("POST", "/complete", params=asked, **sent))

    async def say(
        self,
        label: int | str | Sequence[int | str] | None = None,
        *,
        model: str | None = None,
        seed: int | None = None,
        seeds: str | Sequence[int] | None = None,
        n: int | None = None,
        truncation: float | None = None,
        format: str | None = None,
    ) -> Drawing:
        """Have a model of sounds say a class, `n` times, or several, one behind the other: a WAV, or `flac`, or `zip`.

        `to_samples` of the answer has its numbers; a notebook shows a player.
        """
        count = n if n is not None or label is None or isinstance(label, int | str) else len(label)
        form = format or "wav"
        return await self.generate(
            model=model, seed=seed, seeds=seeds, label=label, n=count, truncation=truncation, format=form
        )

    async def classify(
        self, *pictures: bytes | str | Path, model: str | None = None, top: int | None = None
    ) -> ClassificationBody:
        """What pictures (their bytes, or files, of any format) show: of each the `top` classes, likeliest first."""
        asked = given(model=model, top=top)
        sent = sent_pictures(pictures)
        return await self._connection.ask(ClassificationBody, "POST", "/classify", params=asked, **sent)

    async def inspect(self, png: bytes | str | Path, *, verify: bool = False) -> InspectionBody:
        """How a PNG (its bytes, or a file) was drawn that carries its metadata; `verify` has it drawn again."""
        content = png if isinstance(png, bytes) else Path(png).read_bytes()
        shown = {} if isinstance(png, bytes) else {"file": png}  # for --curl
        return await self._connection.ask(
            InspectionBody,
            "POST",
            "/inspect",
            params={"verify": True} if verify else {},
            content=content,
            headers={"Content-Type": "image/png"},
            extensions=shown,
        )

    async def train(
        self,
        recipe: str | None = None,
        dataset: str | None = None,
        *,
        model: str | None = None,
        name: str | None = None,
        init: str | None = None,
        seed: int | None = None,
        config: Options | None = None,
        publish: Options | None = None,
        stop: Options | None = None,
        limits: Options | None = None,
        resources: Options | None = None,
        webhook: Options | None = None,
        tags: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> RunBody:
        """Start a training run: `train("cgan", "shapes")`, or `train("shapes")`, and the service chooses the recipe.

        Asked twice with one `idempotency_key`, there is one run; by default a key is made.
        """
        body = {
            **given(**_what(recipe, dataset), model=model, name=name, init=init, seed=seed),
            **given(config=config, publish=publish, stop=stop, limits=limits, resources=resources),
            **given(webhook=webhook, tags=tags),
        }
        key = idempotency_key or secrets.token_hex(16)
        return await self._connection.ask(RunBody, "POST", "/train", json=body, key=key)

    async def validate(
        self, /, recipe: str | None = None, dataset: str | None = None, *, estimate: bool = True, **asked: Any
    ) -> ValidationBody:
        """What `train` of the same would start: every number, time and memory as measured, warnings. Starts nothing.

        Measuring takes up to half a minute; without `estimate` the answer comes at once.
        """
        body = given(**_what(recipe, dataset), **asked)
        options = {"timeout": MEASURED_WITHIN_S} if estimate else {"params": {"estimate": False}}
        return await self._connection.ask(ValidationBody, "POST", "/train/validate", json=body, **options)

    async def train_schema(self) -> dict[str, Any]:
        """JSON Schema of all that `train` may be asked, with the recipes and their defaults."""
        return dict((await self._connection.send("GET", "/train/schema")).json())

    async def alive(self) -> Alive:
        return await self._connection.get(Alive, "/livez")

    async def ready(self) -> Readiness:
        """Whether the default model can be drawn; one that is not ready is an answer too, not an error."""
        return await self._connection.ask(Readiness, "GET", "/readyz", also=frozenset({503}))

    async def status(self) -> StatusBody:
        return await self._connection.get(StatusBody, "/status")

    async def queue(self) -> QueueBody:
        return await self._connection.get(QueueBody, "/queue")

    async def workers(self) -> list[WorkerBody]:
        return [worker async for worker in flat(self._connection.pages(Page[WorkerBody], "/workers"))]


def _listed(seeds: str | Sequence[int] | None) -> str | None:
    """Seeds as a query has them."""
    return seeds if seeds is None or isinstance(seeds, str) else ",".join(map(str, seeds))


def _what(recipe: str | None, dataset: str | None) -> dict[str, str | None]:
    """Name recipe and dataset; a single name is the dataset's."""
    return {"dataset": recipe} if dataset is None else {"recipe": recipe, "dataset": dataset}
