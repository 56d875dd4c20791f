"""What a few real steps of a run told of it: worker/probe says it, app/train reads it. Knows no network."""

from pydantic import BaseModel

from ganymede.schemas.validation import MemoryBody


class MeasuredStep(BaseModel):
    """Seconds of a step of the run, as those of `batch_size` pictures told, and between what they are likely to be."""

    batch_size: int
    step_s: float
    least_step_s: float
    most_step_s: float
    steps_measured: int
    core_share: float


class Measured(BaseModel):
    """A line of the process: on what it measures, and all that is known by then."""

    device: str
    precision: str
    threads: int
    memory: MemoryBody
    step: MeasuredStep | None = None
    sample_s: float = 0.0
    checkpoint_s: float | None = None  # known when the process is at its end
