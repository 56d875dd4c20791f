"""What a supervisor hands over by the protocol of systemd: a listening socket, and whom to tell of the start.

With the socket of somebody else two processes take turns without a gap: connections wait in it, and whoever is there
takes them.
"""

import contextlib
import os
import socket

FIRST_FD = 3  # sd_listen_fds(3)


def inherited_sockets() -> list[socket.socket]:
    """The listening sockets that this process was started with; the processes that it starts are not told of them."""
    count, pid = os.environ.pop("LISTEN_FDS", ""), os.environ.pop("LISTEN_PID", "")
    if not count.isdecimal() or pid not in ("", str(os.getpid())):
        return []
    found = [socket.socket(fileno=fd) for fd in range(FIRST_FD, FIRST_FD + int(count))]
    for each in found:
        os.set_inheritable(each.fileno(), False)
    return found


def notify(state: str) -> None:
    """Send `READY=1` or `STOPPING=1` to whoever started this process, if it wants to know: sd_notify(3)."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if path:
        address = "\0" + path[1:] if path.startswith("@") else path
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(state.encode(), address)
