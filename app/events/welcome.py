"""How long a stream may go on: until the key that opened it is revoked or expires, or, where none was needed, until one
is. Knows no run.
"""

import asyncio
from collections.abc import Callable

from fastapi import Request

from app.http.access import key_of
from core.keys import Sessions

LOOK_EVERY_S = 1.0

MayStay = Callable[[], bool]


def may_stay(request: Request, sessions: Sessions) -> MayStay:
    """Whether who opened a stream may go on reading it, to be asked again and again."""
    keyring, key, session = sessions.keyring, key_of(request.scope), request.scope["state"].get("session")
    if key is None:
        return lambda: not keyring.is_needed
    if session is None:
        return lambda: keyring.is_valid(key.id)
    return lambda: keyring.is_valid(key.id) and sessions.is_valid(session.id)


async def watch_keys(sessions: Sessions, wake: Callable[[], None]) -> None:
    """Wake every stream when a key or a session has come or gone, for ever: each then asks whether it may stay."""
    before = sessions.standing()
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        now = sessions.standing()
        if now != before:
            before = now
            wake()
