"""What the environment asks of every program that speaks HTTP (proxies, certificates), and what of it cannot be used.

httpx reads these variables itself and raises errors of many kinds that name none of them. Values of proxies are never
shown: there may be a password in them.
"""

import contextlib
import ipaddress
import os
import ssl
from urllib.request import getproxies, proxy_bypass

import httpx

KEY = "GANYMEDE_API_KEY"
SCHEMES = ("http", "https", "all")


def key() -> str | None:
    """The key that requests show where none is given. A variable, and no option: others can read a command line."""
    return os.environ.get(KEY) or None


def fault() -> str | None:
    """Return the variable that keeps httpx from being set up, and why; None: no known one."""
    return _of_certificates() or _of_proxies() or _of_exceptions()


def proxy_of(url: httpx.URL) -> str | None:
    """Return the variable whose proxy is used for an address, if any."""
    proxies = getproxies()
    scheme = next((scheme for scheme in (url.scheme, "all") if proxies.get(scheme)), None)
    return None if scheme is None or proxy_bypass(url.host) else _variable(f"{scheme}_proxy")


def trusted() -> str:
    """Name the variable with the trusted certificate authorities."""
    named = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]
    return f"those that {named[0]} names are" if named else "SSL_CERT_FILE names others to trust"


def source(value: str, *names: str) -> str | None:
    """Return which of the variables has a value; None: none."""
    return next((name for name in names if os.environ.get(name) == value), None)


def _of_certificates() -> str | None:
    try:
        httpx.create_ssl_context()
    except OSError as error:
        names = [name for name in ("SSLKEYLOGFILE", "SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]
        if len(names) > 1 and names[0] == "SSLKEYLOGFILE" and error.filename is None:
            del names[0]
        why = "it holds no certificates" if isinstance(error, ssl.SSLError) else error.strerror
        return f"{names[0]} names {os.environ[names[0]]!a}, which cannot be used: {why}" if names else None
    return None


def _of_proxies() -> str | None:
    proxies = getproxies()
    for scheme in SCHEMES:
        url = proxies.get(scheme)
        if not url:
            continue
        name = _variable(f"{scheme}_proxy")
        try:
            httpx.HTTPTransport(proxy=url if "://" in url else f"http://{url}", verify=False).close()
        except ImportError:
            return f"{name} names a SOCKS proxy, which needs the package socksio: pip install 'httpx[socks]'"
        except (ValueError, httpx.InvalidURL):
            return (
                f"{name} does not name a proxy that can be asked; it is an address like http://proxy.example.org:3128"
            )
    return None


def _of_exceptions() -> str | None:
    name = _variable("no_proxy")
    entries = [entry.strip() for entry in getproxies().get("no", "").split(",")]
    wrong = [ascii(entry) for entry in entries if not _is_exception(entry)]
    if not wrong:
        return None
    return f"{name} has what cannot be read: {', '.join(wrong)}; an IPv6 address stands there without brackets or /"


def _is_exception(entry: str) -> bool:
    """Return whether httpx can read an entry of NO_PROXY (httpx._utils.get_environment_proxies)."""
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(entry)
        return True
    try:
        httpx.URL(entry if "://" in entry else f"all://*{entry}")
    except httpx.InvalidURL:
        return False
    return True


def _variable(name: str) -> str:
    """Return the name as it is set; urllib reads both cases, the lower one first."""
    if os.environ.get(name) is None and os.environ.get(name.upper()) is None:
        return f"the system's setting of {name}"  # macOS has them elsewhere
    return name if os.environ.get(name) else name.upper()
