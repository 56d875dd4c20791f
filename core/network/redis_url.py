"""The address of a Redis, looked at as a whole. Knows no client, and quotes nothing: there may be a password in it.

What redis-py makes of an address it does not understand is told only when it connects, in words that may quote it, or
never: a database that is no number is 0 to it, a parameter without `=` is nothing.
"""

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from core.network.hosts import normal_host

SOCKET_PATH_BYTES = 107  # what sun_path holds on Linux, with its end
ENCODE_IT = "in a name, a password or a path write / as %2F, ? as %3F, # as %23, @ as %40, % as %25"


def _is_seconds(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and float(text) > 0
    except ValueError:
        return False


Check = tuple[Callable[[str], object], str]
_NUMBER, _SECONDS = (re.compile(r"[0-9]{1,9}").fullmatch, "a number"), (_is_seconds, "seconds above 0")
_SWITCH, _TEXT = (re.compile(r"(?ai:true|false|yes|no|1|0)").fullmatch, "true or false"), (bool, "a text")
_FILE = (lambda text: os.access(text, os.R_OK) and Path(text).is_file(), "a file that can be read")
_FOLDER = (os.path.isdir, "a folder")

PARAMETERS: dict[str, Check] = {
    "db": _NUMBER,
    "username": _TEXT,
    "password": _TEXT,
    "client_name": (re.compile(r"[!-~]+").fullmatch, "a name without white space"),
    "socket_timeout": _SECONDS,
    "socket_connect_timeout": _SECONDS,
    "socket_keepalive": _SWITCH,
    "health_check_interval": _NUMBER,
    "protocol": (lambda text: text in ("2", "3"), "2 or 3"),
}
TLS_PARAMETERS: dict[str, Check] = {
    "ssl_cert_reqs": (lambda text: text in ("none", "optional", "required"), "none, optional or required"),
    "ssl_check_hostname": _SWITCH,
    "ssl_ca_certs": _FILE,
    "ssl_certfile": _FILE,
    "ssl_keyfile": _FILE,
    "ssl_ca_path": _FOLDER,
    "ssl_password": _TEXT,
}


def check_redis_url(url: str) -> None:
    """Raise ValueError for a URL that cannot be used; the text names the part and quotes nothing of it."""
    scheme = url.partition("://")[0]
    if scheme not in ("redis", "rediss", "unix") or "://" not in url:
        raise ValueError("it begins with redis://, rediss:// (TLS) or unix://")
    is_socket = scheme == "unix"
    if any(not char.isprintable() or (char.isspace() and not is_socket) for char in url):
        raise ValueError("it holds white space, or a character that cannot be printed; write it as %20 and so on")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(f"its address or port cannot be read (a port is 1 to 65535); {ENCODE_IT}") from None
    if "#" in url:
        raise ValueError(f"it has no part after #; {ENCODE_IT}")
    if is_socket:
        _check_socket(parts, has_port=port is not None)
    else:
        _check_server(parts, port)
    _check_parameters(parts.query, "?" in url, PARAMETERS | (TLS_PARAMETERS if scheme == "rediss" else {}))


def _check_server(parts: SplitResult, port: int | None) -> None:
    host = parts.netloc.rpartition("@")[2]
    if port == 0 or host.endswith(":"):
        raise ValueError("a port is 1 to 65535")
    try:
        normal_host(parts.hostname or "localhost")
    except ValueError as error:
        raise ValueError(f"its host is {error}; {ENCODE_IT}") from None
    if not re.fullmatch(r"/?|/[0-9]{1,9}", parts.path):
        raise ValueError(f"after the host comes nothing, or / and the number of a database; {ENCODE_IT}")


def _check_socket(parts: SplitResult, *, has_port: bool) -> None:
    path = unquote(parts.path)
    if parts.hostname or has_port or not path.strip("/"):
        raise ValueError("unix:// takes the path of a socket that begins with /, as in unix:///run/redis.sock")
    if "\0" in path or "\ufffd" in path or len(path.encode()) > SOCKET_PATH_BYTES:
        raise ValueError(f"the path of a socket has up to {SOCKET_PATH_BYTES} bytes, is UTF-8, and has no NUL")


def _check_parameters(query: str, is_there: bool, allowed: dict[str, Check]) -> None:
    if not is_there:
        return
    try:
        given = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise ValueError(f"after ? come parameters as name=value, with & between; {ENCODE_IT}") from None
    names = [name for name, _ in given]
    if "ssl_keyfile" in names and "ssl_certfile" not in names:
        raise ValueError("ssl_keyfile needs ssl_certfile")
    for name, value in given:
        if name in TLS_PARAMETERS and name not in allowed:
            raise ValueError(f"{name} needs rediss://")
        if name not in allowed:
            raise ValueError(f"it has an unknown parameter after ?; there are {', '.join(allowed)}; {ENCODE_IT}")
        is_good, what = allowed[name]
        if not is_good(value) or names.count(name) > 1:
            raise ValueError(f"{name} is {what}, once")
