"""The page: what GET / sends a browser, and the files that it loads. Knows no route but its own.

The page is a client of the HTTP API like any other. It asks no other host for anything, and is not allowed to. Its
files are under an address that changes with them, so that a browser may keep them for ever; within it their addresses
are relative, so that it works under the prefix of a proxy, also one that tells none.
"""

import hashlib
from functools import cache, lru_cache
from pathlib import Path

from starlette.responses import HTMLResponse, Response

from app.http import docs_page
from app.http.conditional import IMMUTABLE, is_known
from app.http.proxy import address
from app.http.routing import Router
from app.http.stored import StoredFile
from core.errors import NotFound

FOLDER = docs_page.FOLDER
BEGINNING = ("theme.js", "main.js", "routes.js")
PARTS = ("lib", "parts", "pages", "style", "vendor/htm", "vendor/inter", "vendor/uplot")
AT_ONCE = (
    "routes.js",
    "lib/",
    "parts/",
    "vendor/htm/",
)  # modules that every view needs: told at once, not found out one by one
MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
POLICY = f"{docs_page.POLICY}; font-src 'self'"

router = Router(include_in_schema=False, reads=None)


def page(if_none_match: str | None) -> Response:
    """The document; 304 for who has it."""
    text, etag = _document(
        address("/") if address("") else ""
    )  # a prefix that is told is believed, also without a slash
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": "Accept", "Content-Security-Policy": POLICY}
    if is_known(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    return HTMLResponse(text, headers=headers)


@lru_cache(16)
def _document(base: str) -> tuple[str, str]:
    """Return the text for one prefix, and its ETag."""
    preloads = "\n".join(
        f'<link rel="modulepreload" href="BASEpage/EDITION/{name}">'
        for name in files()
        if name.endswith(".js") and name.startswith(AT_ONCE)
    )
    text = (FOLDER / "index.html").read_text(encoding="utf-8")
    text = text.replace("<!-- PRELOADS -->", preloads).replace("BASE", base).replace("EDITION", edition())
    return text, f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'


@router.get("/page/{asked}/{name:path}")
def page_file(asked: str, name: str) -> Response:
    path = files().get(name)
    if asked != edition() or path is None:
        raise NotFound("there is no such file of the page")
    kind = MEDIA_TYPES[path.suffix]
    return StoredFile(path, media_type=kind, headers={"Cache-Control": IMMUTABLE}, stat_result=path.stat())


@cache
def files() -> dict[str, Path]:
    """All files that the page may load, by their names within it; nothing else is ever sent."""
    folders = (path for part in PARTS for path in sorted((FOLDER / part).rglob("*")))
    found = [*(FOLDER / name for name in BEGINNING), *(path for path in folders if path.suffix in MEDIA_TYPES)]
    return {path.relative_to(FOLDER).as_posix(): path for path in found}


@cache
def edition() -> str:
    """Names the bytes of all files."""
    digest = hashlib.sha256()
    for name, path in files().items():
        digest.update(f"{name}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
