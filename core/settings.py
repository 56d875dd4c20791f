"""Every setting of every process, read once from the environment. Knows nothing of what the settings are for.

Nothing else in the project reads the environment; a bad value stops the process at start-up and is named.
"""

import hashlib
import tempfile
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import quote

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.errors import InvalidRequest
from core.refs import RUN, parse_model_ref

SOCKET_PATH_LIMIT = 100  # bytes; sun_path holds 108 on Linux and 104 on macOS
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


def is_plain_socket(path: Path) -> bool:
    """Whether every tool can make a socket of this path: it is short, and nobody who splits a line of `CLIENT LIST`, or
    prints it, is misled by its characters."""
    text = str(path)
    return len(bytes(path)) < SOCKET_PATH_LIMIT and text.isprintable() and not {" ", "="} & set(text)


class SettingsError(ValueError):
    """A setting has a value that cannot be used; the text names the environment variable."""


class Settings(BaseSettings):
    """Settings of the API, the worker and the `ganymede` command; each is `GANYMEDE_` + its name."""

    model_config = SettingsConfigDict(env_prefix="GANYMEDE_", extra="ignore", frozen=True, env_ignore_empty=True)

    home: Path = Field(Path("var"), description="Folder of everything that is kept: store, broker, logs.")
    store: Path | None = Field(None, description="Folder of datasets, runs and models. Default: HOME/store.")
    redis_url: str | None = Field(
        None,
        pattern=r"^(redis|rediss|unix)://",
        description="Redis or Valkey to use, as a URL. Default: the embedded Valkey on a unix socket under HOME.",
        repr=False,
    )
    host: str = Field("127.0.0.1", description="Address the API listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port the API listens on.")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        ("localhost", "127.0.0.1", "[::1]"),
        min_length=1,
        description="Names a request's Host header may carry, comma-separated (ports do not matter).",
    )
    allow_anonymous: bool = Field(
        False, description="Listen on an address other than loopback although nobody has to show a key."
    )
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="Where networks run: auto, cpu, cuda or cuda:N."
    )
    default_model: str = Field("digits", description="Model that `/generate` draws from when none is named.")
    max_images: int = Field(64, ge=1, le=1024, description="Largest `n` of one `/generate` request.")
    max_upload: int = Field(2**30, ge=1, description="Largest body of an upload (a model, a dataset), in bytes.")
    max_unpacked: int = Field(
        2**33, ge=1, description="Bytes that a dataset may unpack to, and bytes of the images that it becomes."
    )
    max_files: int = Field(200_000, ge=1, le=1_000_000, description="Files that the archive of a dataset may have.")
    max_pixels: int = Field(2**25, ge=1, le=2**28, description="Pixels that one picture of a dataset may have.")
    max_wait: float = Field(
        10.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds a request may be expected to wait for its image before it is refused (429).",
    )
    timeout: float = Field(
        60.0, gt=0, allow_inf_nan=False, description="Seconds after which a request for images is given up (504)."
    )
    cache_bytes: int = Field(
        64 * 2**20, ge=0, description="Memory for answers that were sent lately, which are sent again undrawn; 0: none."
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Number format of generators: auto takes bfloat16 where the device has it and a picture is at most "
        "2 grey levels away from that of float32.",
    )
    engine_process: bool = Field(
        True, description="Run the forward passes of a CPU in a process of their own; false: in the API's."
    )
    engine_threads: int | None = Field(
        None, ge=1, le=256, description="Threads that draw on a CPU, each a batch. Default: one more than cores."
    )
    model_memory: int = Field(
        2**30,
        ge=1,
        description="Bytes of weights to keep in memory; beyond it models go that were not asked for the longest.",
    )
    inception: Path | None = Field(
        None, description="Weights for the extractor `inception`, a safetensors file; docs/metrics.md says which."
    )
    access_log: bool = Field(
        False, description="A log line for every request; without it, for failures (5xx) and for changes alone."
    )
    log_format: Literal["human", "json"] = Field("human", description="Form of the log lines: human or json.")

    @model_validator(mode="before")
    @classmethod
    def _split_hosts(cls, values: dict[str, object]) -> dict[str, object]:
        hosts = values.get("allowed_hosts")
        if isinstance(hosts, str):
            values["allowed_hosts"] = tuple(host.strip() for host in hosts.split(",") if host.strip())
        return values

    @field_validator("default_model")
    @classmethod
    def _check_reference(cls, value: str) -> str:
        if value.startswith(f"{RUN}:"):
            raise ValueError("a checkpoint of a run can be drawn from, but not by default; publish it")
        try:
            return str(parse_model_ref(value))
        except InvalidRequest as error:
            raise ValueError(error.problems[0].detail) from None

    @model_validator(mode="after")
    def _refuse_open_door(self) -> Self:
        if self.host not in LOOPBACK_HOSTS and not self.allow_anonymous:
            raise ValueError(
                f"GANYMEDE_HOST={self.host} would let anyone who reaches this machine train and generate. "
                "Set GANYMEDE_ALLOW_ANONYMOUS=true if that is wanted."
            )
        return self

    @property
    def store_path(self) -> Path:
        return (self.store or self.home / "store").absolute()

    @property
    def broker_path(self) -> Path:
        return (self.home / "broker").absolute()

    @property
    def broker_socket(self) -> Path:
        """The embedded broker's socket: under HOME, or in a short private folder where that path would not do."""
        private = f"ganymede-{hashlib.sha256(bytes(self.broker_path)).hexdigest()[:16]}"
        folders = (self.broker_path, Path(tempfile.gettempdir()) / private, Path("/tmp") / private)
        return next(socket for folder in folders if is_plain_socket(socket := folder / "redis.sock"))

    @property
    def broker_url(self) -> str:
        return self.redis_url or f"unix://{quote(str(self.broker_socket))}"


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        SettingsError: a value cannot be used; the message names each variable and what is allowed.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_url=False, include_context=False):
            name = "_".join(str(part) for part in problem["loc"]).upper()
            message = problem["msg"].removeprefix("Value error, ")
            lines.append(f"GANYMEDE_{name}: {message}" if name else message)
        raise SettingsError("; ".join(lines)) from None
