"""The queue of runs and the notifications of models, the one room of core that speaks to Redis."""

from core.queue.queue import DEVICE_FIELD as DEVICE_FIELD
from core.queue.queue import HOSTS_FIELD as HOSTS_FIELD
from core.queue.queue import PROCESSES_FIELD as PROCESSES_FIELD
from core.queue.queue import QUEUE_NAME as QUEUE_NAME
from core.queue.queue import TRAIN_FUNCTION as TRAIN_FUNCTION
from core.queue.queue import JobState as JobState
from core.queue.queue import QueueUnavailable as QueueUnavailable
from core.queue.queue import RedisNotifier as RedisNotifier
from core.queue.queue import TrainQueue as TrainQueue
from core.queue.queue import connect as connect
from core.queue.queue import job_id as job_id
from core.queue.queue import parse_job_id as parse_job_id
from core.queue.queue import trouble_of as trouble_of
