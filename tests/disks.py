"""A small disk of a test's own, where this machine lets one be mounted."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.small_disk import CannotMount, small_disk


def can_mount() -> bool:
    """Whether a small disk can be had for a process, as in a user namespace of its own."""
    if shutil.which("unshare") is None:
        return False
    tried = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=1m tmpfs /mnt"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


@contextmanager
def own_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """Have `folder` on a small disk, as this process sees it; skips the test, and says why, where only root may."""
    try:
        with small_disk(folder, megabytes):
            yield
    except CannotMount as why:
        pytest.skip(str(why))
