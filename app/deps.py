"""What routes are given, as nouns. Knows where each is kept, and nothing of what it does."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from app.datasets.imports import DatasetImports
from app.engine.batcher import Batcher
from app.engine.encoders import Encoders
from app.engine.hot_reload import ServedModels
from app.engine.keeper import TaskKeeper
from app.events.activity import Activity
from app.events.streams import Streams
from app.events.webhooks.sender import Sender
from app.generate.response_cache import ResponseCache
from app.generate.search_turn import SearchTurns
from app.http.telemetry import Telemetry
from app.status.storage import StorageMeter
from app.train.probes import Probes
from core.datasets import DatasetStore
from core.keys import Keyring, KeyUsage, Sessions
from core.keys.audit import AuditLog
from core.network.webhooks.signing import SecretsFile
from core.queue import TrainQueue
from core.registry import Registry
from core.runs import RunStore
from core.runs.metrics import Histories
from core.settings import Settings
from core.store import Store


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that one app consists of, as `app.state.services`."""

    settings: Settings
    sessions: Sessions
    usage: KeyUsage
    audit: AuditLog
    store: Store
    registry: Registry
    runs: RunStore
    histories: Histories
    datasets: DatasetStore
    queue: TrainQueue
    models: ServedModels
    batcher: Batcher
    response_cache: ResponseCache
    searches: SearchTurns
    encoders: Encoders
    importer: ThreadPoolExecutor
    imports: DatasetImports
    probes: Probes
    streams: Streams
    activity: Activity
    storage: StorageMeter
    signing: SecretsFile
    sender: Sender
    telemetry: Telemetry
    keeper: TaskKeeper
    began_at: float = field(default_factory=time.monotonic)
    draining: threading.Event = field(default_factory=threading.Event)

    @property
    def keyring(self) -> Keyring:
        return self.sessions.keyring

    def wake_streams(self) -> None:
        self.streams.wake()
        self.activity.wake()

    def begin_drain(self) -> None:
        """Refuse new work and end every stream, so that the process can end; clients reconnect to the next one."""
        self.draining.set()
        self.streams.close()
        self.activity.close()


async def get_services(request: Request) -> Services:  # not `def`: that would wait for a thread
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(get_services)]
