"""The time of day as it is written into files and answers."""

import datetime as dt


def timestamp(seconds: float | None = None) -> str:
    """Format now, or a Unix time, as ISO 8601 in UTC with milliseconds."""
    moment = dt.datetime.now(dt.UTC) if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def has_passed(moment: dt.datetime | None) -> bool:
    """Return whether a moment is over; None never comes."""
    return moment is not None and dt.datetime.now(dt.UTC) > moment
