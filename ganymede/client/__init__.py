"""The Python client: one object per service, its calls grouped by noun, its answers the types of `ganymede.schemas`.

    with Client() as client:
        run = client.train("mnist-10k", model="mine")
        client.runs.wait(run)
        client.generate(model="mine", seed=42, label=3).save("three.png")

Knows routes and their parameters; which values are allowed, the service says.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import SecretStr

from ganymede.client.connection import ServiceConnection, given
from ganymede.client.datasets import Datasets
from ganymede.client.drawing import Drawing, holed, read_drawing
from ganymede.client.models import Models
from ganymede.client.runs import Runs
from ganymede.schemas.bodies import Page
from ganymede.schemas.drawings import InspectionBody
from ganymede.schemas.runs import RunBody
from ganymede.schemas.system import Alive, QueueBody, Readiness, StatusBody, WorkerBody
from ganymede.schemas.validation import ValidationBody

URL = "http://127.0.0.1:8000"
MEASURED_WITHIN_S = 60.0

Options = Mapping[str, str | float | Sequence[str] | None]  # by name, as ganymede.schemas.specs has them

__all__ = ["URL", "Client", "Drawing"]


class Client:
    """A service at one address. Use as a context, or close it. Not for several threads at once.

    A request that changes nothing, or that carries an Idempotency-Key, is tried again up to `retries` times when the
    connection fails or the service asks to come back later. Errors are those of `ganymede.errors`.

    `key` is shown with every request; where none is given, that of the variable GANYMEDE_API_KEY is. `api_key` is the
    same under its older name.
    """

    def __init__(
        self,
        url: str = URL,
        *,
        timeout: float | None = 30.0,
        key: str | SecretStr | None = None,
        api_key: str | None = None,
        transport: httpx.BaseTransport | None = None,
        retries: int = 2,
    ) -> None:
        self._connection = ServiceConnection(
            url, timeout=timeout, key=api_key if key is None else key, transport=transport, retries=retries
        )
        self.runs = Runs(self._connection)
        self.models = Models(self._connection)
        self.datasets = Datasets(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    @property
    def url(self) -> str:
        return self._connection.url

    @property
    def last_answer(self) -> httpx.Response | None:
        """The newest answer as it came, before it was read into a type."""
        return self._connection.last_answer

    def generate(
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
            return read_drawing(self._connection.send("POST", "/generate", json=body))
        listed = seeds if seeds is None or isinstance(seeds, str) else ",".join(map(str, seeds))
        return read_drawing(self._connection.send("GET", "/generate", params={**asked, **given(seeds=listed)}))

    def morph(
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
        return read_drawing(self._connection.send("POST", "/generate/morph", json=body))

    def complete(
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
    ) -> Drawing:
        """Fill the hole of a PNG (its bytes, or a file): what is transparent, or in `mask` not black; `n` drafts."""
        listed = seeds if seeds is None or isinstance(seeds, str) else ",".join(map(str, seeds))
        how = given(truncation=truncation, scale=scale, format=format)
        asked = given(model=model, seed=seed, seeds=listed, label=label, n=n) | how
        return read_drawing(self._connection.send("POST", "/complete", params=asked, **holed(picture, mask)))

    def say(
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
        return self.generate(
            model=model, seed=seed, seeds=seeds, label=label, n=count, truncation=truncation, format=form
        )

    def inspect(self, png: bytes | str | Path, *, verify: bool = False) -> InspectionBody:
        """How a PNG (its bytes, or a file) was drawn that carries its metadata; `verify` has it drawn again."""
        content = png if isinstance(png, bytes) else Path(png).read_bytes()
        shown = {} if isinstance(png, bytes) else {"file": png}  # for --curl
        return self._connection.ask(
            InspectionBody,
            "POST",
            "/inspect",
            params={"verify": True} if verify else {},
            content=content,
            headers={"Content-Type": "image/png"},
            extensions=shown,
        )

    def train(
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
        return self._connection.ask(RunBody, "POST", "/train", json=body, key=idempotency_key or secrets.token_hex(16))

    def validate(
        self, recipe: str | None = None, dataset: str | None = None, *, estimate: bool = True, **asked: Any
    ) -> ValidationBody:
        """What `train` of the same would start: every number, time and memory as measured, warnings. Starts nothing.

        Measuring takes up to half a minute; without `estimate` the answer comes at once.
        """
        body = given(**_what(recipe, dataset), **asked)
        options = {"timeout": MEASURED_WITHIN_S} if estimate else {"params": {"estimate": False}}
        return self._connection.ask(ValidationBody, "POST", "/train/validate", json=body, **options)

    def train_schema(self) -> dict[str, Any]:
        """JSON Schema of all that `train` may be asked, with the recipes and their defaults."""
        return dict(self._connection.send("GET", "/train/schema").json())

    def alive(self) -> Alive:
        return self._connection.get(Alive, "/livez")

    def ready(self) -> Readiness:
        """Whether the default model can be drawn; one that is not ready is an answer too, not an error."""
        return self._connection.ask(Readiness, "GET", "/readyz", also=frozenset({503}))

    def status(self) -> StatusBody:
        return self._connection.get(StatusBody, "/status")

    def queue(self) -> QueueBody:
        return self._connection.get(QueueBody, "/queue")

    def workers(self) -> list[WorkerBody]:
        pages = self._connection.pages(Page[WorkerBody], "/workers")
        return [worker for page in pages for worker in page.data]


def _what(recipe: str | None, dataset: str | None) -> dict[str, str | None]:
    """Name recipe and dataset; a single name is the dataset's."""
    return {"dataset": recipe} if dataset is None else {"recipe": recipe, "dataset": dataset}
