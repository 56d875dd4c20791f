"""The processes that train one run together: started, watched and ended from here. Knows no torch and no store.

torchrun is not used on one machine: its meeting place listens on every address. These meet in a file, and what they
send stays on loopback. None is started again: a run that lost one is resumed. Over several machines: member.py.
"""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from core.machine.processes import python_module
from worker.training.stopping import STOP_SIGNALS, is_asked_by_signal

MODULE = "worker.processes.rank"
OF_GROUP = "group:"  # before the number of a run, in the place of the file in which all meet
LOOK_EVERY_S = 0.05
GRACE_S = 5.0  # for the others, once the first has ended

OUT_OF_MEMORY, LOST_PEER = 12, 13  # exit statuses of worker.processes.rank

Process = subprocess.Popen[bytes]


def train_together(run_id: str, devices: Sequence[str]) -> dict[int, int]:
    """Run one process a device until the first ends or another is lost; then end all.

    A stop signal is passed on to the first, which tells the others. Returns the exit statuses, without those of killed
    processes.
    """
    with tempfile.TemporaryDirectory(prefix="ganymede-") as folder:
        processes: list[Process] = []
        try:
            for rank, device in enumerate(devices):
                place = (Path(folder) / "meeting", rank, len(devices), len(devices), 1, device)
                processes.append(started(python_module(MODULE, run_id, os.getpid(), *place), _loopback()))
            return _watched(processes)
        finally:
            for process in processes:
                process.kill()
            for process in processes:
                process.wait()


def how(status: int) -> str:
    """Describe how a process ended."""
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with exit status {status}"


def started(command: Sequence[str], interface: str | None) -> Process:
    """Start a process that exchanges gradients over `interface`, unless the environment says otherwise; None: gloo and
    NCCL choose. Stop signals are blocked until it has handlers for them; it inherits that."""
    chosen = {"GLOO_SOCKET_IFNAME": interface, "NCCL_SOCKET_IFNAME": interface} if interface else {}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        environment = {**chosen, **os.environ}
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _loopback() -> str:
    return next((name for _, name in socket.if_nameindex() if name in ("lo", "lo0")), "lo")


def _watched(processes: Sequence[Process]) -> dict[int, int]:
    is_passed_on = False
    while processes[0].poll() is None and not any(process.poll() for process in processes):
        if is_asked_by_signal() and not is_passed_on:
            processes[0].send_signal(signal.SIGUSR1)
            is_passed_on = True
        time.sleep(LOOK_EVERY_S)
    is_lost = any(process.poll() for process in processes[1:])
    deadline = time.monotonic() + (0 if is_lost else GRACE_S)
    while any(process.poll() is None for process in processes) and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)
    return {rank: process.returncode for rank, process in enumerate(processes) if process.returncode is not None}
