"""The address of a service, from what people write: checked as far as it can be without asking. Sends nothing."""

import ipaddress
from dataclasses import dataclass, field

import httpx

LONGEST = 200  # characters of a refused address that are shown


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service is. `url` can be shown: name and password, if any, are only in `auth`."""

    url: str
    host: str
    auth: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost" or self.host.endswith(".localhost")


def read_address(given: str) -> Address:
    """Parse an address; a plain number is a port of this machine. ValueError unless it is http or https."""
    text = given.strip()
    if text.isascii() and text.isdecimal():
        text = f"http://127.0.0.1:{text}"
    elif ":/" not in text:
        text = f"http://{text}"
    shown = ascii(f"...@{given.rpartition('@')[2]}" if "@" in given else given)[:LONGEST]  # a password is before the @
    try:
        parsed = httpx.URL(text)
        host = parsed.host
        parsed.raw_host.decode().encode("idna")  # as it will be when it is looked up
    except (httpx.InvalidURL, UnicodeError) as error:
        why = f": {error}" if "@" not in given and isinstance(error, httpx.InvalidURL) else ""
        raise ValueError(f"{shown} is no address{why}") from None
    port_fits = parsed.port is None or 0 < parsed.port < 65536
    if parsed.scheme not in ("http", "https") or not host or not port_fits or len(text.split()) != 1:
        raise ValueError(f"{shown} is no address like http://127.0.0.1:8000")
    if parsed.query or parsed.fragment:
        raise ValueError(f"{shown} has more than an address: leave out what follows the path")
    _, _, rest = text.rstrip("/").partition("://")
    authority, slash, path = rest.partition("/")
    auth = (parsed.username, parsed.password) if parsed.userinfo else None
    return Address(f"{parsed.scheme}://{authority.rpartition('@')[2]}{slash}{path}", host, auth)
