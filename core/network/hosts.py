"""Names and addresses of hosts, in the one form in which they are compared. Knows no request and no socket."""

import ipaddress
import re

ANY = "*"
SERVED = "a name (gan.example), an address (192.168.1.5, [::1]), *.gan.example for all below a name, or * for any"

_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_ORIGIN = re.compile(r"https?://", re.IGNORECASE)
_PORT = re.compile(r":[0-9]{1,5}/?\Z|/\Z")


def normal_host(text: str) -> str:
    """Return a name (lower case, ASCII, no final dot) or address (short, no brackets); ValueError for others."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        pass
    try:
        name = text.encode("idna").decode().lower().removesuffix(".")
    except UnicodeError:
        name = ""
    if not _NAME.fullmatch(name) or name.rpartition(".")[2].isdecimal():  # 1.2.3: an address that is none
        raise ValueError("neither a name nor an address of a host")
    return name


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a listener on this normal host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def served_host(text: str) -> str:
    """Normalise what a Host header may carry: `gan.example`, `[::1]`, `*.example`, `*`; ValueError for others."""
    if text == ANY:
        return ANY
    name = _ORIGIN.sub("", text, count=1)
    if name.count(":") < 2 or name.startswith("["):  # else an IPv6 address without brackets
        name = _PORT.sub("", name)
    try:
        is_pattern = name.startswith("*.")
        host = normal_host(name[2:] if is_pattern else name)
    except ValueError:
        raise ValueError(SERVED) from None
    if is_pattern and re.fullmatch(r"[0-9.]+|.*:.*", host):
        raise ValueError("*. stands before a name, not before an address")
    return f"*.{host}" if is_pattern else f"[{host}]" if ":" in host else host


def is_served(host: str, allowed: frozenset[str]) -> bool:
    """Return whether a host (of a Host header, without port) is one of `allowed` (served_host() of each)."""
    if ANY in allowed or host in allowed:
        return True
    labels = host.split(".")
    return any(f"*.{'.'.join(labels[at:])}" in allowed for at in range(1, len(labels)))
