"""The types of what shared fixtures hand out, plain clients of servers on this machine, and one way to wait."""

import subprocess
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx
import pytest
from fastapi import FastAPI

from app.engine.engine import Engine
from core.registry import Registry
from core.runs import Run
from core.store import Store
from ganymede.schemas.sound import AudioFormat
from models.sizes import DCGANConfig

TINY = DCGANConfig(image_size=8, channels=1, latent_dim=4, width=16, num_classes=3)
CLASSES = ("circle", "square", "cross")
DEVICES = ("cpu", pytest.param("cuda", marks=pytest.mark.gpu))  # for the fixture `device`

Serve = Callable[[FastAPI], AbstractAsyncContextManager[httpx.AsyncClient]]
NewRun = Callable[[], Run]

# No proxy of the environment, and no certificates: to read those of all authorities takes 35 ms of a core a client.
PLAIN: dict[str, Any] = {"trust_env": False, "verify": False, "timeout": 300}


Found = TypeVar("Found")


def until(
    look: Callable[[], Found], within_s: float = 300.0, why: str = "it did not happen", every_s: float = 0.01
) -> Found:
    """Look until there is something true, and return it; `within_s` is enough for a busy machine."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < deadline, why
        time.sleep(every_s)
    return found


def files_of(registry: Registry) -> Store:
    """Return the file tree of a registry that has one."""
    assert isinstance(registry.store, Store)
    return registry.store


def http_client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, **PLAIN)


def http_get(url: str) -> httpx.Response:
    return httpx.get(url, **PLAIN)


@dataclass(frozen=True)
class Server:
    """A real `python -m app`, whose queue is nobody else's."""

    host: str
    port: int
    process: "subprocess.Popen[bytes]"
    store: Path
    broker_url: str

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def client(self) -> httpx.Client:
        return http_client(self.url)

    def async_client(self, **options: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, **PLAIN, **options)


class PublishTiny(Protocol):
    def __call__(
        self,
        name: str = ...,
        seed: int = ...,
        config: DCGANConfig = ...,
        step: int | None = ...,
        counts: tuple[int, ...] = ...,
        audio: AudioFormat | None = ...,
    ) -> int: ...


class PublishBroken(Protocol):
    def __call__(self, kind: str, name: str = ...) -> int: ...


class OpenEngine(Protocol):
    def __call__(self, name: str = ..., version: int = ..., kind: type[Engine] = ...) -> Engine: ...


class StartServer(Protocol):
    def __call__(self, home: Path | None = None, **settings: str) -> Server: ...


class Eventually(Protocol):
    async def __call__(self, look: Callable[[], Awaitable[bool]], within_s: float = ...) -> None: ...
