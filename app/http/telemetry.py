"""The numbers an operator watches, in the form of Prometheus: those of requests, and with them those of the engine.

One Telemetry an app, with a registry of its own: two apps in one process do not count for each other.
"""

import platform
from collections.abc import Iterable
from typing import get_args

from fastapi.routing import APIRoute
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from app.engine.telemetry import EngineTelemetry
from core.errors import (
    BadRequest,
    BodyTooLarge,
    ClientGone,
    GanymedeError,
    HostNotAllowed,
    InvalidRequest,
    MethodNotAllowed,
    OriginNotAllowed,
    StoreFull,
)
from core.keys.errors import KeyInvalid, KeysUnusable, RateLimited, ScopeMissing
from ganymede.schemas import VERSION
from ganymede.schemas.webhooks import Outcome

UNMATCHED = "unmatched"  # the route of a request that none answers: addresses that are none must not fill the memory
OF_UNMATCHED = {200, 307, 400, 401, 403, 404, 413, 429, 503}  # also what is refused before a route is looked for
OF_ALL = {
    error.status for error in (GanymedeError, ClientGone, MethodNotAllowed, InvalidRequest, KeysUnusable, RateLimited)
}
REFUSALS = (
    HostNotAllowed,
    OriginNotAllowed,
    BodyTooLarge,
    BadRequest,
    KeyInvalid,
    ScopeMissing,
    KeysUnusable,
    RateLimited,
)
REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Telemetry(EngineTelemetry):
    """Every counter of one app."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a time beside every number doubles the text; nobody asks for them
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        Info("ganymede_build", "What runs here.", registry=registry).info(
            {"version": VERSION, "python": platform.python_version()}
        )
        self._requests = Counter(
            "ganymede_requests_total", "Requests answered, by route and status.", ["route", "code"], registry=registry
        )
        self._request_seconds = Histogram(
            "ganymede_request_seconds",
            "From the first byte asked to the last byte answered; event streams are left out.",
            ["route"],
            buckets=REQUEST_BUCKETS,
            registry=registry,
        )
        self.redis_up = Gauge("ganymede_redis_up", "Whether Redis took runs when last asked.", registry=registry)
        self.streams = Gauge("ganymede_streams", "Event streams that are open.", registry=registry)
        self._requests_of: dict[tuple[str, int], Counter] = {}  # labels() costs more than all the rest
        self._seconds_of: dict[str, Histogram] = {}
        self.cache_hits = Counter(
            "ganymede_cache_hits_total", "Pictures that did not have to be drawn.", ["kind"], registry=registry
        )
        for kind in ("etag", "memory", "flight"):
            self.cache_hits.labels(kind)
        self.webhooks = Counter(
            "ganymede_webhook_attempts_total", "Attempts to send an event, by outcome.", ["outcome"], registry=registry
        )
        for outcome in get_args(Outcome):
            self.webhooks.labels(outcome)
        self.etag_hits = self.cache_hits.labels("etag")
        super().__init__(registry)
        for error in REFUSALS:
            self.rejected.labels(error.code)

    def expect(self, routes: Iterable[APIRoute]) -> None:
        """Create zero counters for every answer of these routes, and for unknown addresses.

        Prometheus sees no increase in a series that appears with its first value: without the zero, an alarm would miss
        the first failures.
        """
        for route in routes:
            documented = {int(status) for status in route.responses}
            full = set[int]() if {"GET", "HEAD"} & set(route.methods or ()) else {StoreFull.status}
            self._expect(route.path_format, {route.status_code or 200} | documented | OF_ALL | full)
        self._expect(UNMATCHED, OF_ALL | OF_UNMATCHED)

    def _expect(self, route: str, codes: Iterable[int]) -> None:
        for code in codes:
            self._requests.labels(route, str(code))
        self._request_seconds.labels(route)

    def answered(self, route: str, code: int) -> None:
        counter = self._requests_of.get((route, code))
        if counter is None:
            counter = self._requests_of[route, code] = self._requests.labels(route, str(code))
        counter.inc()

    def took(self, route: str, seconds: float) -> None:
        histogram = self._seconds_of.get(route)
        if histogram is None:
            histogram = self._seconds_of[route] = self._request_seconds.labels(route)
        histogram.observe(seconds)
