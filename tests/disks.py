"""A small disk of a test's own, where this machine lets one be mounted."""

import shutil
import subprocess


def can_mount() -> bool:
    """Whether a small disk can be had for a process, as in a user namespace of its own."""
    if shutil.which("unshare") is None:
        return False
    tried = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=1m tmpfs /mnt"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0
