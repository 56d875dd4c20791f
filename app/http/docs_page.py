"""GET /docs: Swagger UI over /openapi.json, from files of this package alone. Knows no route but its own.

The page asks no other host for anything, and is not allowed to: it works without a network. What it loads is under an
address that changes with the files, so that a browser may keep it for ever.
"""

import hashlib
from functools import cache
from pathlib import Path

from starlette.responses import HTMLResponse, Response

from app.http.conditional import IMMUTABLE
from app.http.routing import Router
from app.http.stored import StoredFile
from core.errors import NotFound

FOLDER = Path(__file__).resolve().parent.parent / "web"
VENDOR = FOLDER / "vendor" / "swagger-ui"
ASSETS = {
    "swagger-ui-bundle.js": (VENDOR / "swagger-ui-bundle.js", "text/javascript"),
    "swagger-ui.css": (VENDOR / "swagger-ui.css", "text/css"),
    "docs.js": (FOLDER / "docs.js", "text/javascript"),
}
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",  # the icons are in the style sheet; a picture that was drawn is a blob
        "media-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

router = Router(include_in_schema=False, reads=None)


@router.get("/docs")
def docs() -> Response:
    page = (FOLDER / "docs.html").read_text(encoding="utf-8").replace("EDITION", edition())
    return HTMLResponse(page, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"})


@router.get("/docs/assets/{asked}/{name}")
def asset(asked: str, name: str) -> Response:
    if asked != edition() or name not in ASSETS:
        raise NotFound("there is no such file of the page /docs")
    path, media_type = ASSETS[name]
    return StoredFile(path, media_type=media_type, headers={"Cache-Control": IMMUTABLE}, stat_result=path.stat())


@cache
def edition() -> str:
    digest = hashlib.sha256()
    for path, _ in ASSETS.values():
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
