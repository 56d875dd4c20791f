"""How log lines look: for people, or one JSON object a line. Knows nothing of what is logged."""

import json
import logging
import sys
from typing import Literal

from core.registry import timestamp


class JSONFormatter(logging.Formatter):
    """One object a line: at, level, logger, message, and the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        body = {
            "at": timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            body["traceback"] = self.formatException(record.exc_info)
        return json.dumps(body, ensure_ascii=False)


def configure_logging(form: Literal["human", "json"]) -> None:
    """Send every log line of this process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    human = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")
    handler.setFormatter(JSONFormatter() if form == "json" else human)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
