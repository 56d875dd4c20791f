"""create_app: what the HTTP side is made of, and its life. Nothing happens at import."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

from fastapi import FastAPI

from app import errors
from app.catalog import aliases, transfer
from app.catalog import route as catalog
from app.datasets import clip as dataset_clip
from app.datasets import route as datasets
from app.datasets import upload as dataset_upload
from app.datasets.imports import DatasetImports
from app.deps import Services
from app.engine.batch import Backend
from app.engine.batcher import Batcher
from app.engine.encoders import Encoders
from app.engine.hot_reload import ServedModels
from app.engine.keeper import TaskKeeper
from app.engine.process_backend import ProcessBackend
from app.engine.source import Source
from app.events import route as events
from app.events.activity import Activity
from app.events.streams import Streams
from app.events.webhooks import route as webhooks
from app.events.webhooks.deliverer import Deliverer
from app.events.webhooks.sender import Sender
from app.events.welcome import watch_keys
from app.generate import classify, complete, inspect, morph, timeline
from app.generate import route as generate
from app.generate.response_cache import ResponseCache
from app.generate.search_turn import SearchTurns
from app.http import docs_page, index, openapi, page, session
from app.http.access import Access
from app.http.access_log import AccessLog
from app.http.compression import Compression
from app.http.fast_route import FastPath
from app.http.guard import BodyLimit, Guard
from app.http.min_revision import MinRevision
from app.http.proxy import Proxy
from app.http.routing import Addresses, KeyedRoute, Methods
from app.http.telemetry import Telemetry
from app.status import health, metrics, system
from app.status.storage import StorageMeter
from app.train import checkpoints, history, linear_probe, nearest, schema, validation, verbs
from app.train import route as train
from app.train.probes import Probes
from app.train.reconciler import reconcile_for_ever
from core.datasets import DatasetStore
from core.errors import GanymedeError
from core.keys import Keyring, KeyUsage, LastUse, Sessions
from core.keys.audit import AuditLog
from core.keys.door import is_open_to_all
from core.machine.cores import available_cores
from core.network.webhooks.signing import SecretsFile
from core.queue import RedisNotifier, TrainQueue
from core.refs import parse_model_ref
from core.registry import Registry
from core.runs import RunStore
from core.runs.idempotency import IdempotencyKeys
from core.runs.metrics import Histories
from core.settings import Settings
from core.store import Store
from core.store.opening import open_repository
from ganymede.schemas import VERSION
from models.device import choose_device
from models.starters import install_starters

PARTS = (
    generate,
    morph,
    timeline,
    complete,
    classify,
    inspect,
    validation,
    schema,  # before the runs, one of which it would be taken for
    train,
    verbs,
    events,
    history,
    checkpoints,
    nearest,
    linear_probe,
    catalog,
    aliases,
    transfer,
    datasets,
    dataset_upload,
    dataset_clip,
    webhooks,
    session,
    system,
    health,
    metrics,
    docs_page,
    page,
    index,
)

log = logging.getLogger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """Build the app of one store; its services live from start-up to shutdown."""

    telemetry, audit = Telemetry(), AuditLog(settings.audit_path)
    routes = [route for part in PARTS for route in part.router.routes if isinstance(route, KeyedRoute)]
    keyring, addresses = Keyring(settings.keys_path), Addresses(routes)
    sessions, usage = Sessions(settings.sessions_path, keyring), KeyUsage(settings.usage_path, keyring.now)
    access = Access(sessions, usage, LastUse(settings.last_use_path), addresses, is_open=is_open_to_all(settings))

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _services(settings, access, audit, telemetry) as services:
            app.state.services = services
            yield

    app = FastAPI(
        title="Ganymede",
        version=VERSION,
        description="Trains generative adversarial networks and serves their generators.",
        lifespan=lifespan,
        openapi_url=None,  # app/http/index.py sends it, so that it is counted as any other
        docs_url=None,  # FastAPI's page takes its scripts from other hosts; app/http/docs_page.py has ours
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},  # /metrics is ours
    )
    app.state.addresses = addresses
    errors.install(app)
    openapi.install(app)
    _add_layers(app, settings, telemetry, access)
    app.add_middleware(AccessLog, telemetry=telemetry, audit=audit, is_access_logged=settings.access_log)
    app.router.routes.extend(routes)
    telemetry.expect(routes)
    own = {route.path_format.split("/")[1] for route in routes}
    # added last: the outermost
    app.add_middleware(Proxy, root_path=settings.root_path or "", trusted=settings.trusted_proxies, own=own)
    return app


def _add_layers(app: FastAPI, settings: Settings, telemetry: Telemetry, access: Access) -> None:
    """What every request passes, but for the outermost; the innermost first."""
    app.add_middleware(BodyLimit, max_upload=settings.max_upload)
    app.add_middleware(Methods, addresses=access.addresses)
    app.add_middleware(Compression)
    app.add_middleware(FastPath, route=access.addresses.plain["/generate"], handler=generate.generate_fast)
    app.add_middleware(MinRevision)
    app.add_middleware(
        Guard,
        allowed_hosts=settings.allowed_hosts,
        max_upload=settings.max_upload,
        telemetry=telemetry,
        access=access,
    )


@contextlib.asynccontextmanager
async def _services(
    settings: Settings, access: Access, audit: AuditLog, telemetry: Telemetry
) -> AsyncIterator[Services]:
    backend = _backend(settings)
    await backend.start()  # first: its process starts while the store is opened
    store, registry = await asyncio.to_thread(_open_store, settings)
    services = _make(settings, access, audit, store, registry, telemetry, backend)
    models = services.models
    collector = metrics.ServiceCollector(services)
    telemetry.registry.register(collector)
    services.batcher.start()
    models.start()
    try:
        await models.engine(parse_model_ref(settings.default_model), is_urgent=True)
    except GanymedeError as error:  # /readyz tells why
        log.warning("the default model cannot be drawn: %s", error)
    except Exception:  # a damaged store must not keep the rest from starting
        log.exception("the default model cannot be drawn")
    services.keeper.start("reconciler", lambda: reconcile_for_ever(services.runs, services.queue))
    services.keeper.start("watch of the keys", lambda: watch_keys(access.sessions, services.wake_streams))
    deliverer = Deliverer(services.runs, services.registry, services.signing, services.sender, telemetry)
    services.keeper.start_thread("webhooks", deliverer.run)
    try:
        yield services
    finally:
        services.begin_drain()
        await services.probes.close()
        await models.close()
        await services.batcher.close()
        await services.keeper.close()
        await backend.close()
        services.encoders.shutdown()
        services.importer.shutdown()
        services.queue.close()
        telemetry.registry.unregister(collector)


def _make(
    settings: Settings,
    access: Access,
    audit: AuditLog,
    store: Store,
    registry: Registry,
    telemetry: Telemetry,
    backend: Backend,
) -> Services:
    runs, notifier = RunStore(store), RedisNotifier(settings.broker_url)
    source = Source(registry, runs, backend, settings.precision)
    encoders, keeper, wait_s = Encoders(settings.max_wait, telemetry), TaskKeeper(), settings.max_wait
    models = ServedModels(source, notifier, telemetry, budget=settings.model_memory, max_wait_s=wait_s, keeper=keeper)
    return Services(
        settings=settings,
        sessions=access.sessions,
        usage=access.usage,
        audit=audit,
        store=store,
        registry=registry,
        runs=runs,
        histories=Histories(),
        datasets=DatasetStore(store),
        queue=TrainQueue(settings.broker_url),
        models=models,
        batcher=Batcher(settings.max_wait, encoders, telemetry, backend.count, settings.timeout, keeper),
        response_cache=ResponseCache(settings.cache_bytes, telemetry),
        searches=SearchTurns(settings.timeout, telemetry),
        encoders=encoders,
        streams=Streams(keeper),
        activity=Activity(runs, models, keeper),
        imports=DatasetImports(store.root),
        probes=Probes(settings.device),
        storage=StorageMeter(store, settings.max_store, settings.disk_reserve),
        signing=SecretsFile(settings.webhook_secrets_path),
        sender=Sender(settings.webhook_networks),
        telemetry=telemetry,
        keeper=keeper,
        importer=ThreadPoolExecutor(1, "import"),  # a model that is checked is in memory: one at a time
    )


def _backend(settings: Settings) -> Backend:
    """Choose the backend. torch is loaded only if this process is to draw."""
    device = choose_device(settings.device)
    # One more than cores: while the event loop takes a batch in, no core waits for it.
    count = 1 if device != "cpu" else settings.engine_threads or available_cores() + 1
    if device == "cpu" and settings.engine_process:
        return ProcessBackend(count)
    from app.engine.thread_backend import ThreadBackend

    return ThreadBackend(device, count)


def _open_store(settings: Settings) -> tuple[Store, Registry]:
    """Open the store, add the bundled data and models, and remove what dead processes left."""
    store = Store(settings.store_path)
    store.sweep()
    IdempotencyKeys(store).sweep()
    registry = Registry(open_repository(settings, store))
    if settings.bucket is None:
        DatasetStore(store).add_bundled()
    install_starters(registry)
    return store, registry
