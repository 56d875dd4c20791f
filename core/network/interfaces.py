"""The network interfaces of this machine. Knows nobody who uses them."""

import socket
import struct
import sys

_SIOCGIFADDR = 0x8915  # linux/sockios.h


def interface_towards(address: str, port: int) -> str | None:
    """Return the name of the interface that has this machine's address towards another one; None: not found."""
    try:
        (family, _, _, _, peer), *_ = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM)
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(peer)  # sends nothing: it asks the kernel for the way
            own = probe.getsockname()[0]
    except OSError:
        return None
    return next((name for _, name in socket.if_nameindex() if _address_of(name) == own), None)


def _address_of(interface: str) -> str | None:
    """Return the first IPv4 address of an interface."""
    if sys.platform != "linux":
        return None
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            found = fcntl.ioctl(any_socket, _SIOCGIFADDR, struct.pack("256s", interface.encode()[:15]))
        except OSError:  # it has none
            return None
    return socket.inet_ntoa(found[20:24])
