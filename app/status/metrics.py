"""GET /metrics: the counters of this app, and what is looked up when Prometheus asks. Waits for no other service."""

import contextlib
import re
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import Request, Response
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool

from app.deps import Services, ServicesDep
from app.http.negotiation import ANY, entries
from app.http.routing import Router
from core.machine.clock import has_passed
from core.runs import RunStore
from ganymede.schemas.states import Status

OTHER_VERSION = re.compile(r"version=(?!(?:0\.0\.[14]|1\.0\.0)\s*(?:[;,]|$))")  # the encoder takes whatever it is told

FORMS = frozenset({"application/openmetrics-text", "text/plain", "text/*", ANY})

ANSWER = {"content": {"text/plain": {}, "application/openmetrics-text": {}}, "description": "The numbers."}

router = Router(tags=["health"])


@router.get("/metrics", response_class=Response, responses={200: ANSWER})
async def metrics(request: Request, services: ServicesDep) -> Response:
    """Counters and gauges for Prometheus, as text (0.0.4) or OpenMetrics. docs/operations.md says what each means."""
    encode, media_type = choose_encoder(_wanted(request.headers.get("accept", "")))
    services.telemetry.redis_up.set(await run_in_threadpool(services.queue.trouble) is None)
    content = await run_in_threadpool(encode, services.telemetry.registry)
    return Response(content, media_type=media_type, headers={"Cache-Control": "no-store"})


def _wanted(accept: str) -> str:
    """Return the preferred entry of an Accept header among those that can be sent: the encoder knows no weights."""
    known = [(weight, text) for kind, weight, text in entries(accept) if weight and kind in FORMS]
    ranked = sorted(known, key=lambda entry: -entry[0])
    return next((text for _, text in ranked if not OTHER_VERSION.search(text)), "")


@dataclass(frozen=True, slots=True)
class RunCounts:
    by_status: dict[Status, int]
    images_per_second: float  # of all running runs together
    ended_early: int  # of those that succeeded
    silent: list[str]  # those that a worker has and that stand still


def count_runs(runs: RunStore) -> RunCounts:
    """Count runs by the index, without reading thousands of files; damaged runs are not counted."""
    entries = runs.index.entries()
    silent = {run_id for run_id, entry in entries.items() if has_passed(entry.silent_from)}
    found = Counter(entry.status for entry in entries.values())
    return RunCounts(
        by_status={status: found[status] for status in Status},
        images_per_second=sum(entry.images_per_second for run_id, entry in entries.items() if run_id not in silent),
        ended_early=sum(entry.ended_early for entry in entries.values()),
        silent=sorted(silent),
    )


class ServiceCollector(Collector):
    """Collected at each scrape: runs, loaded models, the queue of the engine, the disk, the GPU."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterable[Metric]:
        services, counts = self._services, count_runs(self._services.runs)
        runs = GaugeMetricFamily("ganymede_runs", "Training runs, by status.", labels=["status"])
        for status, count in counts.by_status.items():
            runs.add_metric([status.value], count)
        models = InfoMetricFamily("ganymede_model", "Versions in memory.", labels=["model", "version", "digest"])
        cache = services.models.cache
        for engine in cache.all():
            models.add_metric([engine.name, str(engine.version), engine.digest], {})
        speed = counts.images_per_second
        early = "Runs that succeeded before their last step, as a trouble came back after every remedy."
        deaths = CounterMetricFamily(
            "ganymede_task_restarts", "Long-lived tasks that died and were started again.", labels=["task"]
        )
        for kind, count in services.keeper.deaths.items():
            deaths.add_metric([kind], count)
        free = GaugeMetricFamily("ganymede_store_free_bytes", "Room left on the disk of the store.")
        with contextlib.suppress(OSError):  # a disk that is gone must not take the other numbers with it
            free.add_metric([], shutil.disk_usage(services.store.root).free)
        return [
            runs,
            GaugeMetricFamily("ganymede_runs_ended_early", early, counts.ended_early),
            GaugeMetricFamily(
                "ganymede_runs_silent", "Runs that a worker has and that stand still.", len(counts.silent)
            ),
            models,
            deaths,
            free,
            _gpu_memory(services.models.device),
            GaugeMetricFamily("ganymede_models_resident", "Versions and checkpoints in memory.", len(cache.all())),
            GaugeMetricFamily("ganymede_model_memory_bytes", "Weights of all that is in memory.", cache.nbytes),
            GaugeMetricFamily("ganymede_train_images_per_second", "Of all running runs together.", value=speed),
            GaugeMetricFamily("ganymede_queue_images", "Images that wait for the engine.", services.batcher.waiting),
            GaugeMetricFamily("ganymede_engine_up", "Whether the engine takes batches.", services.batcher.is_alive),
        ]


def _gpu_memory(device: str) -> GaugeMetricFamily:
    """Memory of the drawing GPU: used by tensors, held by PyTorch, in all. Empty on a CPU."""
    memory = GaugeMetricFamily("ganymede_gpu_memory_bytes", "Memory of the GPU that draws.", labels=["kind"])
    if device.startswith("cuda"):
        import torch

        memory.add_metric(["allocated"], torch.cuda.memory_allocated(device))
        memory.add_metric(["reserved"], torch.cuda.memory_reserved(device))
        memory.add_metric(["total"], torch.cuda.get_device_properties(device).total_memory)
    return memory
