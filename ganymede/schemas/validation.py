"""What POST /train/validate answers: what a run would be, and what it would take. Knows no HTTP."""

from typing import Any

from pydantic import BaseModel, Field


class ParametersBody(BaseModel):
    """Numbers that are learnt."""

    generator: int
    discriminator: int = Field(description="Of a vae: of the encoder.")


class MemoryBody(BaseModel):
    """What the training process takes at most: of memory, or of the GPU's where it trains on one."""

    bytes: int
    machine_bytes: int = Field(description="All there is on the machine, or the GPU, where this was found out.")
    is_measured: bool = Field(description="false: reckoned from a few pictures; a whole batch was not tried.")


class RangeBody(BaseModel):
    """Between what something is likely to be."""

    least: float
    most: float


class TimeBody(BaseModel):
    """How long the run takes from its first step to its last, at the speed that some steps of it just had.

    The ranges go from a machine that does nothing else to one that is as busy as it was at worst while these steps
    were made, and further where only a part of the batch was tried.
    """

    seconds: float = Field(description="Steps, and the sample grids and checkpoints between them.")
    seconds_per_step: float
    seconds_range: RangeBody
    images_per_second: float
    images_per_second_range: RangeBody
    steps_measured: int
    batch_size: int = Field(
        description="That was measured. If it is smaller than the run's, a step was reckoned from it."
    )
    core_share: float = Field(
        ge=0, le=1, description="How much of its cores the measurement got; with little, the machine had other work."
    )


class PlaceBody(BaseModel):
    """Where it was measured: beside the API, in a process of its own."""

    host: str
    device: str = Field(examples=["cpu", "cuda"])
    precision: str = Field(examples=["bfloat16"])
    threads: int
    at: str = Field(description="When. What was measured lately is not measured again.")


class WarningBody(BaseModel):
    """Something to think about; it hinders no run."""

    code: str = Field(examples=["large_batch"])
    pointer: str = Field(
        description="The field of the body to change, as a JSON pointer.", examples=["/config/batch_size"]
    )
    detail: str


class ValidationBody(BaseModel):
    """What a run would be."""

    recipe: str
    recipe_reason: str | None = Field(None, description="Why it would be this one; null: it was asked for.")
    dataset: dict[str, Any] = Field(description="`name`, `version`, `count`, sizes and classes.")
    model: str = Field(description="The model it would publish under.")
    device: str | None = Field(None, description="What it would be trained on, as far as the workers told.")
    config: dict[str, Any] = Field(description="As asked.")
    resolved: dict[str, Any] = Field(description="As it would be used.")
    parameters: ParametersBody
    memory: MemoryBody | None = Field(description="null: not found out in time, or not asked for.")
    time: TimeBody | None = Field(description="null: not measured in time, not asked for, or too large to be tried.")
    measured: PlaceBody | None
    warnings: list[WarningBody]
