"""Who may ask what: the one place where a key is asked for. Knows of a route no more than what it needs.

A request shows its key as `Authorization: Bearer KEY`, or, from a browser, a session in a cookie. Where no key is
defined nobody is asked for one, as long as the service listens on loopback alone, or was told to let everyone in.
"""

import asyncio
import re
from urllib.parse import unquote_to_bytes

from starlette.types import Scope as Request

from app.http.routing import SAFE_METHODS, Addresses
from core.errors import BadRequest, GanymedeError, OriginNotAllowed
from core.keys import Key, KeyUsage, LastUse, Sessions
from core.keys.errors import KeyInvalid, ScopeMissing
from core.keys.record import KEY, KEY_LENGTH
from core.keys.usage import MINUTE_S
from core.log import KEY as KEY_ID

AUTHORIZATION = b"authorization"
COOKIE = "ganymede_session"
MAX_HEADER = len("Bearer ") + 2 * KEY_LENGTH  # bytes; a longer one is not even looked at
HOW = "send Authorization: Bearer KEY; `ganymede keys create` makes one"
PUBLIC = re.compile(rb"\bpublic\b", re.IGNORECASE)

RawHeaders = list[tuple[bytes, bytes]]


class Access:
    """Lets requests in, or says why not. `is_open`: whether everyone is let in while no key is defined."""

    def __init__(
        self, sessions: Sessions, usage: KeyUsage, last_use: LastUse, addresses: Addresses, *, is_open: bool
    ) -> None:
        self.sessions, self.keyring, self.usage, self.last_use = sessions, sessions.keyring, usage, last_use
        self.addresses, self.is_open = addresses, is_open

    def refusal(self, request: Request, headers: dict[bytes, bytes]) -> GanymedeError | None:
        """Why this request goes no further; None if it may: its `state` has the key then, where one was needed."""
        try:
            if has_key(request["query_string"]) or has_key(request["path"].encode(errors="replace")):
                raise BadRequest(f"a key is in the address, where others can read it: revoke it, and {HOW}")
            if self.keyring.is_needed or not self.is_open:
                self._let_in(request, headers)
        except GanymedeError as error:
            return error
        return None

    def _let_in(self, request: Request, headers: dict[bytes, bytes]) -> None:
        needed = self.addresses.needs(request["method"], request["path"])
        if needed is None:
            return
        key = request["state"]["key"] = self._shown(request, headers)
        KEY_ID.set(key.id)
        if self.last_use.is_due(key.id):  # a file, and its lock: nothing for the event loop
            asyncio.get_running_loop().run_in_executor(None, self.last_use.write, key.id)
        if key.per_minute is not None:
            request["state"]["rate"] = rate_headers(key.per_minute, None)  # where none is left
            request["state"]["rate"] = rate_headers(key.per_minute, self.usage.take(key))
        if not key.allows(needed):
            made_for = ", ".join(key.scopes)
            raise ScopeMissing(f"this needs a key with the scope {needed}; {key.id} is for {made_for}", needed)

    def _shown(self, request: Request, headers: dict[bytes, bytes]) -> Key:
        """The key of a request, or of its session; Authorization counts where there are both."""
        text = None if AUTHORIZATION in headers else cookie_of(headers.get(b"cookie", b""))
        if text is None:
            return self.keyring.find(presented(request, headers))
        session, key = self.sessions.find(text)
        request["state"]["session"] = session
        if request["method"] not in SAFE_METHODS and b"origin" not in headers:
            raise OriginNotAllowed("what a session changes comes from a page of the service's own: send Origin")
        return key


def cookie_of(header: bytes) -> bytes | None:
    """The session in a Cookie header; one that is there twice is none."""
    pairs = (pair.strip().partition(b"=") for pair in header.split(b";"))
    found = [value for name, _, value in pairs if name == COOKIE.encode()]
    return None if not found else found[0] if len(found) == 1 else b""


def rate_headers(limit: int, standing: tuple[int, int] | None) -> RawHeaders:
    """What the IETF's draft has of a limit of a minute: the policy, and what is left."""
    left, reset_s = standing or (0, int(MINUTE_S))
    return [
        (b"ratelimit-policy", b'"minute";q=%d;w=%d' % (limit, MINUTE_S)),
        (b"ratelimit", b'"minute";r=%d;t=%d' % (left, reset_s)),
    ]


def key_of(request: Request) -> Key | None:
    """The key that a request showed, where one was needed."""
    key: Key | None = request.get("state", {}).get("key")
    return key


def presented(request: Request, headers: dict[bytes, bytes]) -> bytes:
    """What a request shows as its key.

    Raises:
        KeyInvalid: nothing, or nothing that can be one.
    """
    value = headers.get(AUTHORIZATION)
    if value is None:
        raise KeyInvalid(f"a key is needed: {HOW}")
    if len(value) > MAX_HEADER:
        raise KeyInvalid(f"the header Authorization has {len(value)} bytes, and a key has {KEY_LENGTH}: {HOW}")
    if sum(name == AUTHORIZATION for name, _ in request["headers"]) > 1:
        raise KeyInvalid(f"the header Authorization is there more than once: {HOW}")
    scheme, _, text = value.partition(b" ")
    if scheme.lower() != b"bearer":
        raise KeyInvalid(f"the header Authorization has to be of the kind Bearer: {HOW}")
    return text.strip(b" ")


def has_key(part: bytes) -> bool:
    """Whether a key is in a part of an address, however it is escaped."""
    return bool(part) and (b"gnm_" in part or b"%" in part) and KEY.search(unquote_to_bytes(part)) is not None


def private(headers: RawHeaders) -> RawHeaders:
    """Headers of an answer that needed a key: no cache may keep it for others."""
    kept = [(name, value) for name, value in headers if name != b"cache-control"]
    said = b", ".join(value for name, value in headers if name == b"cache-control")
    if said and b"no-store" not in said:
        said = PUBLIC.sub(b"private", said) if PUBLIC.search(said) else b"private, " + said
    return [*kept, (b"cache-control", said or b"private")]
