"""Names of the file system as text that can be sent and shown. Knows no service."""

import os


def readable(name: str) -> str:
    """A name with the bytes escaped that are not UTF-8, as `\\x83`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
