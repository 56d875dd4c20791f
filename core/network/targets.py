"""Addresses that this service sends to because somebody asked for it: read, and held to what may be reached.

A name is resolved here, every address that it has is checked, and what sends connects to a checked one: a name that
means another machine a moment later (DNS rebinding) leads nowhere. Knows no HTTP.
"""

import ipaddress
import re
import socket
from dataclasses import dataclass

from core.network.hosts import normal_host
from core.network.proxies import Network, is_among

DEFAULT_PORTS = {"https": 443, "http": 80}
MOST_ADDRESSES = 16  # of one name
URL_RULE = "an address such as https://hooks.example/path: a host, no name or password in it, no #"
UNICAST = ipaddress.ip_network("2000::/3")  # all of IPv6 that was ever given to the public

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]{2,45}\]|[^\x00-\x20\x7f/?#@:\[\]\\]{1,253})(:(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>(/[!-~]*)?(\?[!-~]*)?)",
    re.IGNORECASE,
)


class TargetRefused(ValueError):
    """Nothing is sent there; the text says why, and never which address a name has."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address of the web in its parts; `rest`: path and query."""

    scheme: str
    host: str
    port: int
    rest: str

    @classmethod
    def of(cls, url: str) -> "Target":
        """Read a URL; TargetRefused where it is none, or says more than where to send."""
        found = _URL.fullmatch(url)
        if found is None or "#" in found["rest"] or "\\" in found["rest"]:
            raise TargetRefused(URL_RULE)
        scheme = found["scheme"].lower()
        port = int(found["port"] or DEFAULT_PORTS[scheme])
        try:
            host = normal_host(found["host"])
        except ValueError:
            raise TargetRefused(URL_RULE) from None
        if not 1 <= port <= 65535:
            raise TargetRefused("a port is a number from 1 to 65535")
        rest = found["rest"]
        return cls(scheme, host, port, rest if rest.startswith("/") else f"/{rest}")

    @property
    def authority(self) -> str:
        """As the header Host has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def at(self, address: str) -> str:
        """The URL that leads to one address of the host."""
        return f"{self.scheme}://{f'[{address}]' if ':' in address else address}:{self.port}{self.rest}"


def resolve(target: Target, allowed: tuple[Network, ...]) -> list[str]:
    """The addresses of a target, in the order to try them. Waits for the name service.

    Raises:
        TargetRefused: it has none, or one of them may not be reached: it is neither public nor in `allowed`, or is
            public and asked for without TLS.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise TargetRefused(f"no address is known of {target.host}") from None
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))[:MOST_ADDRESSES]
    check(target, addresses, allowed)
    return addresses


def check(target: Target, addresses: list[str], allowed: tuple[Network, ...]) -> None:
    """Raise TargetRefused unless every address may be reached."""
    others = [address for address in addresses if not is_among(address, allowed)]
    if not all(is_public(address) for address in others):
        raise TargetRefused(
            f"{target.host} is at an address that is not public; GANYMEDE_WEBHOOK_NETWORKS lists those that are allowed"
        )
    if others and target.scheme != "https":
        raise TargetRefused("https is needed; http is for the networks of GANYMEDE_WEBHOOK_NETWORKS alone")


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet, also if it has one of IPv4 in it.

    Not: loopback, private, shared (CGNAT), link-local, multicast, reserved, documentation.
    """
    try:
        found = ipaddress.ip_address(address)  # one with a zone, as fe80::1%eth0, is link-local
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv4Address):
        return found.is_global and not found.is_multicast
    within = found.sixtofour or (found.teredo[1] if found.teredo else None)
    if within is not None and not is_public(str(within)):
        return False
    return found in UNICAST and found.is_global and not found.is_multicast
