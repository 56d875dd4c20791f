"""Runs on disk, and all that is kept of one: its states, events, metrics, samples, checkpoints."""

from core.runs.event_log import NewEvent
from core.runs.ids import is_run_id, new_run_id
from core.runs.run import INIT_FOLDER, Run, RunStore

__all__ = ["INIT_FOLDER", "NewEvent", "Run", "RunStore", "is_run_id", "new_run_id"]
