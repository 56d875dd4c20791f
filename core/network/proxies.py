"""What is believed of a proxy in front: whose headers, and the prefix it shows the service under. Knows no HTTP."""

import ipaddress
import re

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

NOBODY = "none"
PREFIX = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)+")
PREFIX_RULE = "begins with /, then letters, digits, '.', '_', '~' and '-', perhaps several such parts: /gan, /tools/gan"


def checked_prefix(text: str) -> str:
    """Return a prefix of addresses without a final slash, empty for the root; ValueError if it is none."""
    bare = text.strip().rstrip("/")
    if bare and not PREFIX.fullmatch(bare):
        raise ValueError(f"a prefix {PREFIX_RULE}; no scheme, no host")
    return bare


def checked_networks(given: object) -> object:
    """Read comma-separated addresses and networks; ValueError for others. pydantic checks other types."""
    if not isinstance(given, str):
        return given
    if given.strip() == NOBODY:
        return ()
    return tuple(str(_network(name.strip())) for name in given.split(","))


def networks(names: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(_network(name) for name in names)


def is_among(address: str, trusted: tuple[Network, ...]) -> bool:
    """Return whether an address lies in one of the networks; an IPv4 address may come in the form of IPv6."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in network for network in trusted if network.version == found.version)


def _network(name: str) -> Network:
    try:
        return ipaddress.ip_network(name, strict=False)
    except ValueError:
        raise ValueError(f"addresses or networks, like 10.0.0.5 or 10.0.0.0/8, or {NOBODY}") from None
