"""GET / and /openapi.json: what there is, for people and for machines. Knows the addresses, not what is behind them."""

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import JSONResponse

from app.http.proxy import address
from app.http.routing import Router
from ganymede.schemas import VERSION

router = Router(tags=["health"])


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


@router.get("/")
async def index() -> Index:
    """Where to go from here."""
    links = Index().links
    return Index(links={name: address(path) for name, path in links.items()})


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> JSONResponse:
    document = request.app.openapi()
    servers = [{**server, "url": address(server["url"]).removesuffix("/") or "/"} for server in document["servers"]]
    return JSONResponse({**document, "servers": servers})
