"""Answers about training runs: the run, its events, its history. Knows no HTTP."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from ganymede.schemas.diagnosis import Diagnosis, EarlyEnd, TakenRemedy
from ganymede.schemas.keys import KeyRef
from ganymede.schemas.specs import LimitSpec, PublishSpec, StopSpec, WebhookSpec
from ganymede.schemas.states import Best, Failure, Published, Status

RUN_ID = "run_0192f1c7a4e1b2c3d4e5"


class ProgressBody(BaseModel):
    """How far a run is."""

    branch: int = Field(0, description="0; one more with each time that training went back and took another way.")
    step: int = Field(description="Generator updates done.")
    total: int
    fraction: float = Field(ge=0, le=1)
    images_seen: int
    images_per_second: float | None


class TaskBody(BaseModel):
    """What a run does besides its steps, if that takes longer than a moment."""

    name: str = Field(
        description="dataset_check, classifier, real_features and floor come before the first step; evaluation comes "
        "between two; waiting: for another run that makes the same.",
        examples=["classifier"],
    )
    done: int = Field(description="In units of its own.")
    total: int | None = Field(description="null: nobody knows.")
    fraction: float | None = Field(ge=0, le=1)
    eta_at: str | None = Field(description="When it will be done at the speed it has now.")


class QueuePlace(BaseModel):
    """Where a run waits."""

    position: int | None = Field(description="Runs before this one; null when it does not wait, or Redis is away.")


class LatestBody(BaseModel):
    """The newest of each that a run left."""

    metrics: dict[str, float | None]
    evaluation_step: int | None = Field(None, description="The step that the scores among the metrics are of.")
    sample_step: int | None
    sample_url: str | None
    checkpoint_step: int | None


class InitBody(BaseModel):
    """The weights that a run started from; it has a copy of them."""

    reference: str = Field(description="What `init` meant when the run was made.", examples=["digits@1"])
    digest: str = Field(description="Of the generator.")
    counterpart: Literal["kept", "fresh"] = Field(description="fresh: the discriminator or encoder began untrained.")
    labels: Literal["kept", "fresh"] = Field(description="fresh: as many classes were not known, so they began anew.")


class RunBody(BaseModel):
    """One training run."""

    id: str = Field(examples=[RUN_ID])
    name: str | None
    tags: dict[str, str]
    notes: str | None
    recipe: str
    recipe_reason: str | None = Field(None, description="Why it is this one; null: it was asked for.")
    dataset: str
    model: str = Field(description="The model it publishes under.")
    status: Status
    is_terminal: bool
    phase: str | None
    attempt: int
    queue: QueuePlace
    init: InitBody | None = None
    config: dict[str, Any] = Field(description="As asked.")
    resolved: dict[str, Any] = Field(description="As used; `remedies` has what was changed since.")
    execution: dict[str, Any] | None = Field(description="How it is computed; null before the first attempt.")
    progress: ProgressBody
    eta_at: str | None
    task: TaskBody | None = Field(None, description="null while it makes steps.")
    latest: LatestBody
    diagnosis: Diagnosis | None = Field(description="How it learns; null before its first numbers.")
    stop: StopSpec = Field(description="Which verdicts to act on, and how.")
    limits: LimitSpec = Field(LimitSpec(), description="Where it ends at the latest.")
    webhook: WebhookSpec | None = Field(None, description="Where its events are sent; null: nowhere.")
    publish: PublishSpec = Field(PublishSpec(), description="When it publishes a version, and of what.")
    remedies: list[TakenRemedy] = Field([], description="What was changed after a trouble, oldest first.")
    ended_early: EarlyEnd | None = Field(
        None, description="Why it ended before its last step, with its best version; null: it did not."
    )
    best: Best | None = Field(
        None,
        description="The checkpoint with the lowest kid (else fd; of a classifier the highest accuracy), never pruned.",
    )
    failure: Failure | None
    published: list[Published]
    made_by: KeyRef | None = Field(None, description="The key that asked for it; null: none was needed then.")
    created_at: str
    started_at: str | None
    finished_at: str | None
    last_heartbeat_at: str | None
    links: dict[str, str]


class EventBody(BaseModel):
    """Something that happened to a run. Ids count up from 1 without a gap, also over restarts."""

    id: int = Field(ge=1)
    type: str = Field(description="status, metrics, diagnosis, sample, checkpoint, published, log, action or end.")
    at: str
    data: dict[str, Any]


class ProgressMessage(ProgressBody):
    """Where a run stands, sent about once a second; it has no id and is not repeated to who missed it."""

    status: Status
    phase: str | None
    attempt: int
    eta_at: str | None
    task: TaskBody | None = None
    metrics: dict[str, float | None]


class Downsampled(BaseModel):
    """How many points were left out."""

    points: int = Field(description="Points there are.")
    kept: int = Field(description="Points in this answer.")
    method: Literal["minmax"] = "minmax"


class AttemptMark(BaseModel):
    """Where an attempt began to report; steps between its checkpoint and its end may appear in two attempts."""

    attempt: int
    first_step: int


class BranchMark(BaseModel):
    """A branch of a run: each time that training went back, a new one begins."""

    branch: int
    first_step: int = Field(description="The first that it reported.")
    last_step: int
    cut: int = Field(description="Points that a newer branch left behind: not in this answer, but under `branch`.")


class MetricsBody(BaseModel):
    """The metric history in columns: `data[0]` is x, `data[i + 1]` belongs to `columns[i]`; null: not measured."""

    x: Literal["step", "images_seen", "time"]
    columns: list[str] = Field(examples=[["g_loss", "d_loss"]])
    data: list[list[float | None]] = Field(description="x in steps, images, or seconds since 1970 (UTC).", repr=False)
    attempts: list[AttemptMark]
    branches: list[BranchMark] = Field([], description="Where the curve was cut: oldest branch first.")
    downsampled: Downsampled | None = Field(description="null: every point is here.")


class SampleBody(BaseModel):
    """One grid of samples: always the same seeds, so that grids can be compared."""

    step: int
    branch: int
    url: str
    bytes: int
    at: str


class CheckpointBody(BaseModel):
    """A checkpoint that can be published, or resumed from."""

    step: int
    branch: int
    images_seen: int
    bytes: int
    digest: str = Field(description="Of its generator's weights.")
    metrics: dict[str, float | None]
    created_at: str
    published: list[Published] = Field(description="The versions made from it.")
    links: dict[str, str]
