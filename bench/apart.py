"""A run trained by a process of its own: the job sends what it prints to the run's log, and stands back on the CPU."""

import multiprocessing

from core.settings import Settings
from worker import job


def train_apart(settings: Settings, run_id: str) -> None:
    """Take a run to its end, or as far as it gets."""
    trainer = multiprocessing.get_context("spawn").Process(target=job.take_on, args=(run_id, settings))
    trainer.start()
    trainer.join()
