"""How long a stream may go on: until the key that opened it is revoked or expires, or, where none was needed, until one
is. Knows no run.
"""

import asyncio
from collections.abc import Callable

from fastapi import Request

from app.http.access import key_of
from core.keys import Keyring

LOOK_EVERY_S = 1.0

MayStay = Callable[[], bool]


def may_stay(request: Request, keyring: Keyring) -> MayStay:
    """Whether who opened a stream may go on reading it, to be asked again and again."""
    key = key_of(request.scope)
    if key is None:
        return lambda: not keyring.is_needed
    return lambda: keyring.is_valid(key.id)


async def watch_keys(keyring: Keyring, wake: Callable[[], None]) -> None:
    """Wake every stream when a key has come or gone, for ever: each then asks whether it may stay."""
    before = keyring.standing()
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        now = keyring.standing()
        if now != before:
            before = now
            wake()
