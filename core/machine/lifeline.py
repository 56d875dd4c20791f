"""A process that ends with the one that started it. Knows no work."""

import ctypes
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent(parent: int | None, number: signal.Signals = signal.SIGKILL) -> None:
    """Send this process `number` when `parent` ends; outside Linux a thread ends it instead."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it died between the fork and the call above
        os._exit(1)


def _watch(parent: int | None) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def end_with_the_parent() -> None:
    """End this process at once when its stdin, a pipe from the parent, is closed; ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_wait, daemon=True).start()


def _wait() -> None:
    while os.read(0, 1):  # stdin; not sys.stdin, whose lock would outlive this thread
        pass
    os._exit(1)
