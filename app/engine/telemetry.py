"""The numbers of the engine, in the form of Prometheus: counters and histograms that its parts move. Knows no HTTP."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from core.errors import NotReady, Overloaded

STAGE_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LOAD_BUCKETS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64)


class EngineTelemetry:
    """Counters of one engine, in `registry` or one of their own; an update takes about a microsecond."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._add_drawing(self.registry)
        self._add_models(self.registry)

    def _add_drawing(self, registry: CollectorRegistry) -> None:
        def stage(name: str, text: str) -> Histogram:
            return Histogram(f"ganymede_{name}_seconds", text, buckets=STAGE_BUCKETS, registry=registry)

        self.queue_seconds = stage("queue", "A drawing's wait for the engine.")
        self.infer_seconds = stage("infer", "One forward pass of the engine.")
        self.encode_seconds = stage("encode", "A drawing's way from pixels to a file, waiting included.")
        self.batch_size = Histogram(
            "ganymede_batch_size", "Images of one forward pass.", buckets=BATCH_BUCKETS, registry=registry
        )
        self.dispatched = Counter(
            "ganymede_batch_dispatch_total",
            "Forward passes, by why they began: a batch shape was full, or a thread was idle.",
            ["reason"],
            registry=registry,
        )
        self.rejected = Counter(
            "ganymede_rejected_total", "Requests refused before any work, by error code.", ["reason"], registry=registry
        )
        self.cancelled = Counter(
            "ganymede_cancelled_total", "Drawings nobody waits for any more.", ["stage"], registry=registry
        )
        for error in (Overloaded, NotReady):
            self.rejected.labels(error.code)
        for reached in ("queue", "infer", "encode"):
            self.cancelled.labels(reached)
        for reason in ("full", "idle"):
            self.dispatched.labels(reason)

    def _add_models(self, registry: CollectorRegistry) -> None:
        self.reloads = Counter(
            "ganymede_model_reload_total", "Model versions read into memory, or not.", ["result"], registry=registry
        )
        self.load_seconds = Histogram(
            "ganymede_model_load_seconds",
            "Reading one model version: digests, weights, warm-up.",
            buckets=LOAD_BUCKETS,
            registry=registry,
        )
        self.evicted = Counter(
            "ganymede_model_evicted_total",
            "Model versions that left the memory because others needed the room.",
            registry=registry,
        )
        for result in ("loaded", "failed"):  # there from the start, so that the first failure is an increase
            self.reloads.labels(result)
