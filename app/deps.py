"""What routes are given, as nouns. Knows where each is kept, and nothing of what it does."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from app.generate.batcher import Batcher
from app.generate.hotload import Models
from app.telemetry import Telemetry
from core.datasets import DatasetStore
from core.queue import TrainQueue
from core.registry import Registry
from core.runs import RunStore
from core.settings import Settings
from core.store import Store


@dataclass(frozen=True, slots=True)
class Services:
    """All that one app is made of; on `app.state.services` while it lives."""

    settings: Settings
    store: Store
    registry: Registry
    runs: RunStore
    datasets: DatasetStore
    queue: TrainQueue
    models: Models
    batcher: Batcher
    encoders: ThreadPoolExecutor
    telemetry: Telemetry


def get_services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(get_services)]
