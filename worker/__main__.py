"""`python -m worker`: waits for runs and trains them. Must not import torch: the process forks."""

import logging
import os
import signal
import subprocess
import sys
import time

from rq.serializers import JSONSerializer

from core.log import configure_logging
from core.machine.group import GroupError, read_place
from core.machine.processes import python_module
from core.queue import QUEUE_NAME, QueueUnavailable, TrainQueue, trouble_of
from core.queue.reconcile import reconcile
from core.queue.snapshot import Group
from core.runs import RunStore
from core.settings import Settings, SettingsError, load_settings, unknown_variables
from core.store import Store
from core.store.opening import make_store_folder
from worker.rq_worker import HEARTBEAT_EVERY_S, MAINTENANCE_EVERY_S, WORKER_TTL_S, GuardedJob, GuardedWorker, connect
from worker.training.stopping import on_stop_signal

GPU_FILES = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")  # of Linux, of Windows under it, of AMD: one if there is a GPU

log = logging.getLogger("worker")


def main() -> None:
    """Work on the queue; below torchrun become one process of a training group, which may import torch."""
    try:
        place = read_place()
    except GroupError as error:
        sys.exit(f"worker: {error}")
    if place is None:
        work()
    else:
        command = python_module("worker.processes.member")
        os.execv(command[0], command)


def work(group: Group | None = None) -> bool:
    """Work on the queue until told to end, alone or for a group; return whether an attempt was lost, and the group."""
    try:
        settings = load_settings()
        device = _device(settings)
        make_store_folder(settings)
        if settings.bucket is not None:
            raise SettingsError("GANYMEDE_STORE: training needs a folder; an object store holds models alone so far")
    except SettingsError as error:
        sys.exit(f"worker: {error}")
    configure_logging(settings.log_format)
    for variable in unknown_variables():
        log.warning(variable)
    signal.signal(signal.SIGUSR1, on_stop_signal)  # inherited by the fork: there is no moment without a handler
    store = Store(settings.store_path)
    store.sweep()
    _wait_for_queue(settings)
    runs = RunStore(store)
    with TrainQueue(settings.broker_url) as queue:
        reconcile(runs, queue)
    worker = GuardedWorker(
        [QUEUE_NAME],
        connection=connect(settings.broker_url),
        serializer=JSONSerializer,
        job_class=GuardedJob,
        job_monitoring_interval=HEARTBEAT_EVERY_S,
        worker_ttl=WORKER_TTL_S,
        maintenance_interval=MAINTENANCE_EVERY_S,
    )
    worker.runs, worker.device, worker.stall_after_s, worker.group = runs, device, settings.stall_after, group
    log.info("waiting for runs")
    worker.work(logging_level="WARNING")
    return worker.has_lost_its_group


def _device(settings: Settings) -> str:
    """Return the training device, "cpu" or "cuda". If it may be a GPU, ask a process that may import torch."""
    if settings.device == "cpu" or (settings.device == "auto" and not any(map(os.path.exists, GPU_FILES))):
        return "cpu"
    ended = subprocess.run(python_module("models.device", settings.device), capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SettingsError(ended.stderr.strip().rpartition("\n")[2])
    return ended.stdout.strip()


def _wait_for_queue(settings: Settings) -> None:
    reported = None
    with TrainQueue(settings.broker_url) as queue:
        while (trouble := queue.trouble()) is not None:
            if trouble != reported:
                log.warning("%s; waiting for it", trouble.sentence)
                reported = trouble
            time.sleep(0.5)


if __name__ == "__main__":
    try:
        main()
    except QueueUnavailable as error:
        sys.exit(f"worker: {trouble_of(error).sentence}: {error}")
