"""POST, GET and DELETE /session: a browser trades a key for a cookie, which goes with its pictures and streams, too.

The cookie is HttpOnly, so that no script reads it, and SameSite=Strict; what it changes needs an Origin of our own.
"""

from datetime import UTC, datetime

from fastapi import Request, Response
from pydantic import Field, SecretStr

from app.deps import ServicesDep
from app.errors import documented
from app.http.access import COOKIE, cookie_of, key_of
from app.http.proxy import address
from app.http.routing import Router
from core.keys.errors import KeyInvalid, KeysUnusable
from core.keys.sessions import KeptSession
from ganymede.schemas.bodies import BodyModel
from ganymede.schemas.keys import KeyScope, SessionBody

router = Router(prefix="/session", tags=["system"], writes=None)


class SignIn(BodyModel):
    """A key that is traded for a session."""

    key: SecretStr = Field(min_length=1, max_length=200, description="The key.")


@router.post("", status_code=201, responses=documented(KeyInvalid, KeysUnusable))
def sign_in(body: SignIn, request: Request, response: Response, services: ServicesDep) -> SessionBody:
    """Trade a key for a cookie that opens the same, for a day at most, and ends with the key."""
    key = services.keyring.find(body.key.get_secret_value().encode(errors="replace"))
    request.scope["state"]["key"] = key  # whose it is from here on
    made = services.sessions.create(key)
    response.set_cookie(
        COOKIE,
        made.text.get_secret_value(),
        max_age=max(int(made.ends_at - services.keyring.now()), 0),
        path=address("/"),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    response.headers["Cache-Control"] = "no-store"
    ends_at = datetime.fromtimestamp(made.ends_at, UTC)
    return SessionBody(key=key.ref, scopes=key.opens, expires_at=ends_at)


@router.get("")
async def read_session(request: Request) -> SessionBody:
    """Whose key or session this request shows, and what it opens; all of it where no key is needed."""
    key = key_of(request.scope)
    if key is None:
        return SessionBody(key=None, scopes=list(KeyScope), expires_at=None)
    session: KeptSession | None = request.scope["state"].get("session")
    ends_at = key.expires_at if session is None else datetime.fromtimestamp(session.ends_at, UTC)
    return SessionBody(key=key.ref, scopes=key.opens, expires_at=ends_at)


@router.delete("", status_code=204, response_class=Response)
def sign_out(request: Request, services: ServicesDep) -> Response:
    """End the session of the cookie, and take it back."""
    response = Response(status_code=204, headers={"Cache-Control": "no-store"})
    if (text := cookie_of(request.headers.get("cookie", "").encode("latin-1"))) is not None:
        services.sessions.end(text)
        response.delete_cookie(COOKIE, path=address("/"), httponly=True, samesite="strict")
    return response
