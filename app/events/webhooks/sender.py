"""Sends one signed message to one address, and returns what was said. Knows no file and no event.

It connects to an address that was checked (core/network/targets.py), while TLS and Host keep the name: httpx is given
a URL with the address in place of the name. No proxy of the environment, no redirect, no cookie; answer and time have
bounds.
"""

import asyncio
import ssl
import time
from functools import cached_property
from typing import TYPE_CHECKING

from core.network.proxies import networks
from core.network.targets import Target, TargetRefused, resolve
from core.network.webhooks.messages import ReceiverAnswer
from core.network.webhooks.signing import SigningSecret
from ganymede.schemas import VERSION

if TYPE_CHECKING:  # only who sends loads it
    import httpx

WITHIN_S = 20.0  # from the name to the last byte
CONNECT_WITHIN_S = 5.0  # to one address
MOST_BYTES = 16_384  # of an answer
SHOWN = 2_000  # characters of it
ADDRESSES_TRIED = 3


class Sender:
    """Sends to public addresses, and to those of `allowed` (networks), where plain HTTP will do."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self.allowed = networks(allowed)

    async def send(self, url: str, secret: SigningSecret, message: str, payload: bytes) -> ReceiverAnswer:
        """Send a message under its id. Whatever hinders that is the `detail` of the answer."""
        began, at = time.monotonic(), int(time.time())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"ganymede/{VERSION}",
            "Accept-Encoding": "identity",  # nothing here unpacks what comes back
            "webhook-id": message,
            "webhook-timestamp": str(at),
            "webhook-signature": secret.signature(message, at, payload),
        }
        try:
            async with asyncio.timeout(WITHIN_S):
                status, text = await self._post(Target.of(url), headers, payload)
        except TargetRefused as error:
            return ReceiverAnswer(None, str(error), time.monotonic() - began)
        except TimeoutError:
            return ReceiverAnswer(None, f"no answer within {WITHIN_S:g} s", time.monotonic() - began)
        except Exception as error:  # whatever a stranger's server does must not end who sends
            return ReceiverAnswer(None, _in_words(error), time.monotonic() - began)
        answer = ReceiverAnswer(status, None, time.monotonic() - began, text)
        if answer.is_taken:
            return answer
        why = "a redirect, and none is followed" if 300 <= status < 400 else f"it answered {status}, not 2xx"
        return ReceiverAnswer(status, why, answer.took_s, text)

    async def _post(self, target: Target, headers: dict[str, str], payload: bytes) -> tuple[int, str]:
        import httpx

        addresses = await asyncio.to_thread(resolve, target, self.allowed)
        context = await asyncio.to_thread(lambda: self._context) if target.scheme == "https" else False
        timeout = httpx.Timeout(WITHIN_S, connect=CONNECT_WITHIN_S)
        # One client a message: a kept connection would be found by its address, not by the name it was made for.
        async with httpx.AsyncClient(verify=context, trust_env=False, timeout=timeout) as client:
            tried = addresses[:ADDRESSES_TRIED]
            for address in tried:
                try:
                    return await _post_to(client, target, address, headers, payload)
                except (httpx.ConnectError, httpx.ConnectTimeout):
                    if address == tried[-1]:
                        raise
        raise AssertionError("a name that was resolved has an address")

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """Certificates of all authorities take a while to read: once. SSL_CERT_FILE names other ones."""
        import httpx

        return httpx.create_ssl_context()


async def _post_to(
    client: "httpx.AsyncClient", target: Target, address: str, headers: dict[str, str], payload: bytes
) -> tuple[int, str]:
    """The status, and the beginning of the text."""
    own = {**headers, "Host": target.authority}
    names = {"sni_hostname": target.host}
    async with client.stream("POST", target.at(address), content=payload, headers=own, extensions=names) as answer:
        read = b""
        async for chunk in answer.aiter_raw():
            read += chunk
            if len(read) >= MOST_BYTES:
                break
        return answer.status_code, read[:MOST_BYTES].decode(errors="replace")[:SHOWN]


def _in_words(error: Exception) -> str:
    """Without the address, which who asks need not know."""
    kind = type(error).__name__
    if kind in ("ConnectError", "ConnectTimeout"):
        return f"no connection: {error}" if "[SSL" in str(error) else "no connection"
    return {"ReadTimeout": "no answer in time", "WriteTimeout": "it does not read"}.get(kind, f"{kind}: {error}")
