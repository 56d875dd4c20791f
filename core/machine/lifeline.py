"""A process that ends with the one that started it, whose stdin is a pipe from there. Knows no work."""

import os
import signal
import threading


def end_with_the_parent() -> None:
    """From here on this process ends at once when its stdin is closed. Ctrl-C, which reaches the group, is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_wait, daemon=True).start()


def _wait() -> None:
    while os.read(0, 1):  # stdin; not sys.stdin, whose lock would outlive this thread
        pass
    os._exit(1)
