"""Answers about the service itself: health, queue, workers. Knows no HTTP."""

from pydantic import BaseModel, Field

from ganymede.schemas import VERSION


class Alive(BaseModel):
    """The process answers."""

    status: str = "alive"
    version: str = VERSION


class Readiness(BaseModel):
    """Ready means: the default model can be drawn. What is degraded does not hinder that."""

    status: str = Field(examples=["ready", "not_ready"])
    reason: str | None = None
    model: str | None = Field(None, description="What the default model's name means now.")
    degraded: list[str] = Field(
        description="What does not work beside it: `redis` (it does not answer), `redis: why` (it takes no runs), "
        "`workers: why`, `model:NAME@VERSION: why`.",
        examples=[["redis", "model:digits@3: generator.safetensors does not match its digest"]],
    )


class QueuedRun(BaseModel):
    """A run that waits for a worker; position 0 is next."""

    position: int
    run: str
    attempt: int


class QueueBody(BaseModel):
    """What waits, and what is trained now."""

    waiting: list[QueuedRun]
    running: list[str] = Field(description="Runs that a worker has.")
    degraded: list[str] = Field(
        [], description="Why runs are not trained now, as `/readyz` has it: Redis takes none, or no worker is alive."
    )


class WorkerBody(BaseModel):
    """A worker that waits for runs, or trains one: a process, or a training group."""

    name: str
    host: str
    pid: int
    state: str = Field(examples=["idle", "busy"])
    current_run: str | None
    device: str | None = Field(
        description="Of the current run; while idle, what it trains on, as it told.", examples=["cpu", "cuda"]
    )
    processes: int = Field(1, description="How many train a run together; more than one: a training group.")
    hosts: list[str] = Field([], description="Of its processes, each once.")
    started_at: str | None
    last_heartbeat_at: str | None
    is_alive: bool = Field(description="Whether its heartbeat is younger than 60 s.")


class StorageBody(BaseModel):
    """The disk of the store, and what takes its room."""

    free_bytes: int
    total_bytes: int
    datasets: int
    models: int
    runs: int


class EngineBody(BaseModel):
    """What draws, in this process."""

    device: str
    is_alive: bool
    waiting_images: int
    loaded: list[str] = Field(description="Versions in memory.", examples=[["digits@1"]])


class ImportBody(BaseModel):
    """A dataset that is being imported."""

    request_id: str = Field(description="The Request-Id of the upload.")
    dataset: str | None = Field(description="null: its name has not come yet.")
    phase: str = Field(examples=["receiving", "waiting", "unpacking", "looking", "decoding", "storing"])
    done: int = Field(description="Bytes while receiving, files afterwards.")
    total: int | None = Field(description="null: unknown.")
    began_at: str


class StatusBody(BaseModel):
    """One look at everything, for people and dashboards."""

    version: str
    uptime_s: float
    readiness: Readiness
    runs: dict[str, int] = Field(description="How many runs are in each status.")
    silent_runs: list[str] = Field(
        [],
        description="Runs that a worker has and that stand still: no step, and no part of a task, for a minute, or for "
        "three steps if that is longer. Their worker ends what hangs, after GANYMEDE_STALL_AFTER.",
    )
    queue: QueueBody | None = Field(description="null: Redis is away.")
    workers: list[WorkerBody] | None = Field(description="null: Redis is away.")
    engine: EngineBody
    storage: StorageBody
    imports: list[ImportBody] = Field([], description="Uploads of datasets that are under way.")
