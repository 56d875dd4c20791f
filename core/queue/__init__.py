"""The queue of runs and the bell, the one room of core that speaks to Redis."""

from core.queue.queue import (
    DEVICE_FIELD,
    QUEUE_NAME,
    TRAIN_FUNCTION,
    JobState,
    QueueUnavailable,
    RedisBell,
    TrainQueue,
    connect,
    job_id,
    parse_job_id,
    trouble_of,
)

__all__ = [
    "DEVICE_FIELD",
    "QUEUE_NAME",
    "TRAIN_FUNCTION",
    "JobState",
    "QueueUnavailable",
    "RedisBell",
    "TrainQueue",
    "connect",
    "job_id",
    "parse_job_id",
    "trouble_of",
]
