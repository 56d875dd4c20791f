"""Every setting of every process, read once from the environment. Knows nothing of what the settings are for.

Nothing else in the project reads the environment; a bad value stops the process at start-up and is named.
"""

import difflib
import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.errors import InvalidRequest
from core.network.bucket_url import BucketUrl, check_endpoint, parse_store
from core.network.hosts import normal_host, served_host
from core.network.proxies import checked_networks, checked_prefix
from core.network.redis_url import check_redis_url
from core.refs import parse_model_ref
from ganymede.schemas.references import RUN

SOCKET_PATH_LIMIT = 100  # bytes; sun_path holds 108 on Linux and 104 on macOS
PREFIX = "GANYMEDE_"
CLIENT_VARIABLES = frozenset({"URL", "API_KEY", "PICTURES"})  # of the command and the client, which read them
# Kubernetes gives a pod the addresses of a Service named `ganymede` in variables like ours.
SERVICE_LINK = re.compile(r"SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?")
DEVICE = re.compile(r"auto|cpu|cuda(:[0-9]{1,3})?")
LONGEST_WAIT_S = 7 * 86_400.0


def is_plain_socket(path: Path) -> bool:
    """Whether every tool can make a socket of this path: it is short, and nobody who splits a line of `CLIENT LIST`, or
    prints it, is misled by its characters."""
    text = str(path)
    return len(bytes(path)) < SOCKET_PATH_LIMIT and text.isprintable() and not {" ", "="} & set(text)


def _hosts(given: str | tuple[str, ...]) -> tuple[str, ...]:
    hosts = (host.strip() for host in given.split(",")) if isinstance(given, str) else given
    return tuple(dict.fromkeys(served_host(host) for host in hosts if host))


def _store(given: object) -> object:
    return parse_store(given) if isinstance(given, str) else given


class SettingsError(ValueError):
    """A setting has a value that cannot be used; the text names the environment variable."""


class Settings(BaseSettings):
    """Settings of the API, the worker and the `ganymede` command; each is `GANYMEDE_` + its name."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    home: Path = Field(Path("var"), description="Folder of everything that is kept: store, broker, logs.")
    store: Annotated[Path | BucketUrl | None, NoDecode, BeforeValidator(_store)] = Field(
        None,
        description="Folder of datasets, runs and models (default: HOME/store), or `s3://BUCKET/PREFIX` for models in "
        "an object store; docs/scaling.md has what works then.",
    )
    store_endpoint: Annotated[str, AfterValidator(check_endpoint)] | None = Field(
        None, description="Address of the S3-compatible server that the bucket of STORE is on. Default: that of AWS."
    )
    store_cache: int = Field(2**33, ge=0, description="Bytes under HOME/cache of what was read from an object store.")
    redis_url: str | None = Field(
        None,
        description="Redis or Valkey to use, as a URL. Default: the embedded Valkey on a unix socket under HOME.",
        repr=False,
    )
    host: str = Field("127.0.0.1", description="Address the API listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port the API listens on.")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_hosts)] = Field(
        ("localhost", "127.0.0.1", "[::1]"),
        min_length=1,
        description="Names a request's Host header may carry, comma-separated (ports do not matter); `*.gan.example` "
        "for all names below one, `*` for any.",
    )
    root_path: Annotated[str, AfterValidator(checked_prefix)] | None = Field(
        None, description="Prefix that a proxy in front shows the service under, like `/gan`, stripped by it or not."
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode, BeforeValidator(checked_networks)] = Field(
        ("127.0.0.1", "::1"),
        description="Addresses and networks, comma-separated, from which X-Forwarded-Prefix, -Proto and -Host are "
        "believed; `none`: nobody's.",
    )
    api_keys_file: Path | None = Field(
        None, description="File of the keys of the API (`ganymede keys`). Default: HOME/api-keys.json."
    )
    allow_anonymous: bool = Field(
        False, description="Listen on an address other than loopback although there is no key, and let everyone in."
    )
    device: str = Field("auto", description="Where networks run: auto, cpu, cuda or cuda:N.")
    default_model: str = Field("digits", description="Model that `/generate` draws from when none is named.")
    max_images: int = Field(64, ge=1, le=1024, description="Largest `n` of one `/generate` request.")
    max_upload: int = Field(2**30, ge=1, description="Largest body of an upload (a model, a dataset), in bytes.")
    max_unpacked: int = Field(
        2**33, ge=1, description="Bytes that a dataset may unpack to, and bytes of the images that it becomes."
    )
    max_files: int = Field(200_000, ge=1, le=1_000_000, description="Files that the archive of a dataset may have.")
    max_pixels: int = Field(2**25, ge=1, le=2**28, description="Pixels that one picture of a dataset may have.")
    max_seconds: float = Field(
        60.0, ge=1, le=3600, allow_inf_nan=False, description="Seconds that one sound of a dataset may last."
    )
    max_queued: int = Field(
        1000, ge=1, le=1_000_000, description="Runs that may wait for a worker; another is refused (429)."
    )
    max_queued_per_key: int | None = Field(
        None, ge=1, le=1_000_000, description="Runs of one key that may wait. Default: as many as of all."
    )
    max_store: int | None = Field(
        None,
        ge=1,
        description="Bytes of runs, models and datasets beyond which uploads, publishes and runs are refused (507). "
        "Default: as the disk has.",
    )
    disk_reserve: int = Field(
        0,
        ge=0,
        description="Free bytes of the store's disk that uploads, publishes and new runs leave, or are refused.",
    )
    max_wait: float = Field(
        10.0,
        gt=0,
        le=LONGEST_WAIT_S,
        description="Seconds a request may be expected to wait for its image before it is refused (429).",
    )
    timeout: float = Field(
        60.0, gt=0, le=LONGEST_WAIT_S, description="Seconds after which a request for images is given up (504)."
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
    stall_after: float | None = Field(
        None,
        ge=1,
        le=LONGEST_WAIT_S,
        description="Seconds without progress after which a worker kills the process that trains; the run goes on from "
        "its checkpoint. Default: 300, or twenty steps of the run if that is longer.",
    )
    model_memory: int = Field(
        2**30,
        ge=1,
        description="Bytes of weights to keep in memory; beyond it models go that were not asked for the longest.",
    )
    inception: Path | None = Field(
        None, description="Weights for the extractor `inception`, a safetensors file; docs/metrics.md says which."
    )
    webhook_networks: Annotated[tuple[str, ...], NoDecode, BeforeValidator(checked_networks)] = Field(
        (),
        description="Addresses and networks, comma-separated, that webhooks may be sent to although they are not "
        "public, there also over http.",
    )
    access_log: bool = Field(
        False, description="A log line for every request; without it, for failures (5xx) and for changes alone."
    )
    log_format: Literal["human", "json"] = Field("human", description="Form of the log lines: human or json.")

    @field_validator("host")
    @classmethod
    def _normalise_host(cls, value: str) -> str:
        try:
            return normal_host(value)
        except ValueError:
            raise ValueError("a name or an address to listen on, without scheme and port; 0.0.0.0 for all") from None

    @field_validator("port", mode="before")
    @classmethod
    def _know_service_link(cls, value: object) -> object:
        if isinstance(value, str) and "://" in value:
            raise ValueError(
                "a number; this is the address that Kubernetes gives a pod for a Service named ganymede. Set "
                "enableServiceLinks: false in the pod's spec, name the Service otherwise, or set this variable there"
            )
        return value

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, value: str | None) -> str | None:
        if value is not None:
            check_redis_url(value)
        return value

    @field_validator("device")
    @classmethod
    def _check_device(cls, value: str) -> str:
        if not DEVICE.fullmatch(value):
            raise ValueError("auto, cpu, cuda or cuda:N (0 is the first GPU); nothing else, as mps, is made use of")
        return value

    @field_validator("home", "store", "api_keys_file", "inception")
    @classmethod
    def _find_own_home(cls, value: Path | BucketUrl | None) -> Path | BucketUrl | None:
        """`~` too: no shell has seen a file of variables."""
        return value.expanduser() if isinstance(value, Path) and value.parts[:1] == ("~",) else value

    @field_validator("default_model")
    @classmethod
    def _check_reference(cls, value: str) -> str:
        if value.startswith(f"{RUN}:"):
            raise ValueError("a checkpoint of a run can be drawn from, but not by default; publish it")
        try:
            return str(parse_model_ref(value))
        except InvalidRequest:
            raise ValueError("the name of a model, perhaps with @VERSION or :ALIAS, as in digits or digits@3") from None

    @property
    def store_path(self) -> Path:
        return (self.store if isinstance(self.store, Path) else self.home / "store").absolute()

    @property
    def bucket(self) -> BucketUrl | None:
        """The object store; None: the store is files."""
        return self.store if isinstance(self.store, BucketUrl) else None

    @property
    def store_cache_path(self) -> Path:
        return (self.home / "cache").absolute()

    @property
    def keys_path(self) -> Path:
        return (self.api_keys_file or self.home / "api-keys.json").absolute()

    @property
    def usage_path(self) -> Path:
        return (self.home / "key-usage.json").absolute()

    @property
    def last_use_path(self) -> Path:
        return (self.home / "key-last-use.json").absolute()

    @property
    def audit_path(self) -> Path:
        return (self.home / "audit.jsonl").absolute()

    @property
    def sessions_path(self) -> Path:
        return (self.home / "sessions.json").absolute()

    @property
    def webhook_secrets_path(self) -> Path:
        return (self.home / "webhook-secrets.json").absolute()

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
    """Read the environment; SettingsError names each wrong variable and what is allowed."""
    try:
        return Settings()
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_url=False, include_context=False):
            name = "_".join(str(part) for part in problem["loc"]).upper()
            message = problem["msg"].removeprefix("Value error, ")
            lines.append(f"GANYMEDE_{name}: {message}" if name else message)
        raise SettingsError("; ".join(lines)) from None


def unknown_variables() -> list[str]:
    """A sentence about each variable that is named like a setting, and is none: it was meant as one."""
    known = {name.upper() for name in Settings.model_fields} | CLIENT_VARIABLES
    sentences = []
    for name in sorted(name.upper().removeprefix(PREFIX) for name in os.environ if name.upper().startswith(PREFIX)):
        if name not in known and not SERVICE_LINK.fullmatch(name):
            near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.75)
            sentences.append(
                f"{PREFIX}{name} is no setting and means nothing" + (f"; is it {PREFIX}{near[0]}?" if near else "")
            )
    return sentences
