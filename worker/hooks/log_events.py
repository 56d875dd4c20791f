"""Warnings of the training process as events of its run: whoever watches need not read the log. Knows no network."""

import logging

from core.runs import Run

LONGEST = 2000  # characters; the whole text is in the log


class WarningsAsEvents(logging.Handler):
    """Copies log records of WARNING or above to the run's event log, as `log`."""

    def __init__(self, run: Run) -> None:
        super().__init__(logging.WARNING)
        self.run = run

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()[:LONGEST]
            self.run.log_event("log", {"level": record.levelname.lower(), "message": text})
        except Exception:  # the run may be gone, the disk full: what is said of it must not end the training
            self.handleError(record)
