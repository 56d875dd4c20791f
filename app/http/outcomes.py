"""The answers that a route may give, so that each has its counter, at zero, before it is given. Knows no route by name.

To Prometheus a series that appears with its first value has not increased: without the zero, an alarm on failures would
sleep through the first ones.
"""

from collections.abc import Iterable

from fastapi.routing import APIRoute

from app.http.telemetry import UNMATCHED, Telemetry
from core.errors import ClientGone, GanymedeError, InvalidRequest, MethodNotAllowed, StoreFull

OF_ALL = {error.status for error in (GanymedeError, ClientGone, MethodNotAllowed, InvalidRequest)}
OF_UNMATCHED = {200, 307, 400, 403, 404, 413, 429, 503}  # also what is refused before a route is looked for


def expect(telemetry: Telemetry, routes: Iterable[APIRoute]) -> None:
    """Give every answer of these routes, and of addresses without a route, a counter at zero."""
    for route in routes:
        told = {int(status) for status in route.responses}
        full = set[int]() if {"GET", "HEAD"} & set(route.methods or ()) else {StoreFull.status}
        telemetry.expect(route.path_format, {route.status_code or 200} | told | OF_ALL | full)
    telemetry.expect(UNMATCHED, OF_ALL | OF_UNMATCHED)
