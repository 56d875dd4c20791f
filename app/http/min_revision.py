"""Min-Revision: the answer knows of a change that its client knows of. Knows no route.

Whatever changes the aliases of a model answers `Min-Revision: MODEL=REVISION`. A client that sends that back, to
whichever process answers it, is answered as the model was then, or later.
"""

import re
from collections.abc import Awaitable

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import answer
from core.errors import GanymedeError, InvalidRequest
from ganymede.schemas.references import NAME_PATTERN

NAME = "Min-Revision"
LONGEST = 256  # characters
_HEADER = NAME.lower().encode()
_FORM = re.compile(rf"(?P<model>{NAME_PATTERN.strip('^$')})=(?P<revision>[0-9]{{1,15}})")


def revision_header(model: str, revision: int) -> str:
    return f"{model}={revision}"


class MinRevision:
    """Middleware. One without the header costs a request a look at its headers, and no coroutine."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            for name, value in scope["headers"]:
                if name == _HEADER:
                    return self._after(value.decode("latin-1"), scope, receive, send)
        return self.app(scope, receive, send)

    async def _after(self, asked: str, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            found = _FORM.fullmatch(asked) if len(asked) <= LONGEST else None
            if found is None:
                raise InvalidRequest.field(NAME, "MODEL=REVISION, as an answer to a change of an alias had it")
            await scope["app"].state.services.models.see(found["model"], int(found["revision"]))
        except GanymedeError as error:
            await answer(Request(scope), error)(scope, receive, send)
            return
        await self.app(scope, receive, send)
