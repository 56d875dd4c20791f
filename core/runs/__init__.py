"""Runs on disk, and all that is kept of one: its states, events, metrics, samples, checkpoints."""

from core.runs.run import INIT_FOLDER, Run, RunStore, is_run_id, new_run_id

__all__ = ["INIT_FOLDER", "Run", "RunStore", "is_run_id", "new_run_id"]
