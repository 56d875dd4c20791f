"""GET / and /openapi.json: what there is, for people (the page) and machines. Knows addresses, not what is behind."""

import contextlib

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from app.http.conditional import IfNoneMatch
from app.http.negotiation import preferred
from app.http.page import page
from app.http.proxy import address
from app.http.routing import Router
from core.errors import NotAcceptable
from ganymede.schemas import VERSION

FORMS = {"index": "application/json", "page": "text/html"}

router = Router(tags=["health"], reads=None)


class Index(BaseModel):
    """Where to go from here."""

    name: str = "ganymede"
    version: str = VERSION
    links: dict[str, str] = {
        "generate": "/generate?seed=42&label=7",
        "train": "/train",
        "models": "/models",
        "datasets": "/datasets",
        "events": "/events",
        "queue": "/queue",
        "workers": "/workers",
        "status": "/status",
        "readiness": "/readyz",
        "metrics": "/metrics",
        "docs": "/docs",
        "openapi": "/openapi.json",
    }


@router.get(
    "/",
    response_model=Index,
    responses={
        200: {"content": {FORMS["page"]: {"schema": {"type": "string"}}}, "description": "The index, or the page."},
        304: {"description": "You have the page."},
    },
)
async def index(request: Request, if_none_match: IfNoneMatch = None) -> Response:
    """Where to go from here. With `Accept: text/html` before all else, as a browser sends it: the page."""
    with contextlib.suppress(NotAcceptable):  # whoever asks for anything else gets the index
        if preferred(request.headers.get("accept", ""), FORMS) == "page":
            return page(if_none_match)
    links = {name: address(path) for name, path in Index().links.items()}
    return JSONResponse(Index(links=links).model_dump(), headers={"Vary": "Accept"})


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> JSONResponse:
    document = request.app.openapi()
    servers = [{**server, "url": address(server["url"]).removesuffix("/") or "/"} for server in document["servers"]]
    return JSONResponse({**document, "servers": servers})
