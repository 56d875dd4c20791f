"""How log lines look: for people, or one JSON object a line, with the ids of what they are about. Knows nothing of
what is logged.

A line that a request or a run led to carries its id, whoever writes it: the ids are in context variables, which follow
a request through `await` and into worker threads.

Text that a client sent may be in a line. It never makes a second one: what ends a line or moves a cursor is escaped.
"""

import contextlib
import json
import logging
import re
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, Literal

from core.machine.clock import timestamp

Form = Literal["human", "json"]

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
RUN: ContextVar[str] = ContextVar("run", default="")
KEY: ContextVar[str] = ContextVar("key", default="")  # the public id of that of the API that was shown

_ENDS_OR_MOVES = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@contextlib.contextmanager
def about_run(run_id: str) -> Iterator[None]:
    """Name this run in every line logged within the block."""
    token = RUN.set(run_id)
    try:
        yield
    finally:
        RUN.reset(token)


def add_ids(record: logging.LogRecord) -> bool:
    """Pass every record, and add the ids of its request and run."""
    found = (("request_id", REQUEST_ID.get()), ("run", RUN.get()), ("key", KEY.get()))
    record.ids = {name: value for name, value in found if value}
    return True


class JSONFormatter(logging.Formatter):
    """One object a line: at, level, logger, message, the ids, the `fields` given as `extra`, a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        body = {
            "at": timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "ids", {}),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            body["traceback"] = self.formatException(record.exc_info)
        text = json.dumps(body, ensure_ascii=False, default=str)
        return _ENDS_OR_MOVES.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


class HumanFormatter(logging.Formatter):
    """Time, level, logger, message, and the ids in brackets; without `with_run` not that of the run."""

    def __init__(self, *, with_run: bool = True) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S")
        self._with_run = with_run

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        line = _ENDS_OR_MOVES.sub(_escaped, super().formatMessage(record))
        ids = {name: value for name, value in getattr(record, "ids", {}).items() if name != "run" or self._with_run}
        return f"{line} [{' '.join(f'{name}={value}' for name, value in ids.items())}]" if ids else line

    def formatException(self, ei: Any) -> str:  # noqa: N802 (logging's name)
        """Indent tracebacks, so that no text in them can look like a line of its own."""
        lines = super().formatException(ei).split("\n")
        return "\n".join("    " + _ENDS_OR_MOVES.sub(_escaped, line) for line in lines)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def configure_logging(form: Form, *, of_one_run: bool = False) -> None:
    """Send all logs of this process, and Python's warnings, to stderr; `of_one_run`: into a run's own log."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(add_ids)
    handler.setFormatter(JSONFormatter() if form == "json" else HumanFormatter(with_run=not of_one_run))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of every address that a webhook goes to
    logging.captureWarnings(True)
