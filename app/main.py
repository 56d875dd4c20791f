"""create_app: what the HTTP side is made of, and its life. Nothing happens at import."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import torch
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from app import catalog, errors, health, openapi
from app.datasets import route as datasets
from app.deps import Services
from app.gate import MAX_BODY_BYTES, Gate
from app.generate import route as generate
from app.generate.batcher import Batcher
from app.generate.hotload import Models
from app.reconciler import reconcile_for_ever
from app.train import route as train
from app.train import verbs
from core import VERSION
from core.datasets import DatasetStore
from core.errors import GanymedeError
from core.idempotency import IdempotencyKeys
from core.queue import Bell, TrainQueue
from core.refs import parse_model_ref
from core.registry import Registry
from core.runs import RunStore
from core.settings import Settings
from core.store import Store
from models.publish import publish_starter

ENCODERS = 2

log = logging.getLogger(__name__)


class Index(BaseModel):
    """Where to go from here."""

    name: str = "ganymede"
    version: str = VERSION
    links: dict[str, str] = {
        "generate": "/generate?seed=42&label=7",
        "train": "/train",
        "models": "/models",
        "datasets": "/datasets",
        "readiness": "/readyz",
        "openapi": "/openapi.json",
    }


def create_app(settings: Settings) -> FastAPI:
    """The app of one store; its services live from start-up to shutdown."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _services(settings) as services:
            app.state.services = services
            yield

    app = FastAPI(
        title="Ganymede",
        version=VERSION,
        description="Trains generative adversarial networks and serves their generators.",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's page takes its scripts from other hosts
        redoc_url=None,
    )
    errors.install(app)
    openapi.install(app)
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY_BYTES)  # counts what comes without a length
    app.add_middleware(Gate, allowed_hosts=settings.allowed_hosts)  # added last: the outermost
    for part in (generate, train, verbs, datasets, catalog, health):
        app.include_router(part.router)

    @app.get("/", tags=["health"])
    async def index() -> Index:
        return Index()

    return app


@contextlib.asynccontextmanager
async def _services(settings: Settings) -> AsyncIterator[Services]:
    store = await asyncio.to_thread(_open_store, settings)
    registry = Registry(store)
    device = "cuda" if settings.device == "auto" and torch.cuda.is_available() else settings.device
    models = Models(registry, Bell(settings.broker_url), "cpu" if device == "auto" else device)
    services = Services(
        settings=settings,
        store=store,
        registry=registry,
        runs=RunStore(store),
        datasets=DatasetStore(store),
        queue=TrainQueue(settings.broker_url),
        models=models,
        batcher=Batcher(settings.max_wait),
        encoders=ThreadPoolExecutor(ENCODERS, "encode"),
    )
    services.batcher.start()
    models.start()
    try:
        await models.engine(parse_model_ref(settings.default_model))
    except GanymedeError as error:  # /readyz tells why
        log.warning("the default model cannot be drawn: %s", error)
    except Exception:  # a damaged store must not keep the rest from starting
        log.exception("the default model cannot be drawn")
    reconciler = asyncio.create_task(reconcile_for_ever(services.runs, services.queue))
    try:
        yield services
    finally:
        reconciler.cancel()
        await asyncio.gather(reconciler, return_exceptions=True)
        await models.close()
        await asyncio.to_thread(services.batcher.close)
        services.encoders.shutdown()
        services.queue.close()


def _open_store(settings: Settings) -> Store:
    """The store with what comes with the package in it, and without what dead processes left."""
    store = Store(settings.store_path)
    store.sweep()
    IdempotencyKeys(store).sweep()
    DatasetStore(store).add_bundled()
    publish_starter(Registry(store))
    return store
