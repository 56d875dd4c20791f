"""A disk that is small enough to fill: a tmpfs over a folder. Only root may mount one, and not everywhere."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

FILLER = ".filler"
CHUNK = 1 << 16


class CannotMount(Exception):
    """This process may not mount a file system; the text says why."""


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """Have `folder` on a disk of its own within the block."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise CannotMount("there is no `mount` here") from None
    except subprocess.CalledProcessError as error:
        raise CannotMount(f"no small disk can be mounted here: {error.stderr.strip()}") from None
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


def fill(folder: Path, leaving: int = 0) -> None:
    """Leave no room, or so many bytes."""
    with (folder / FILLER).open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            os.write(file.fileno(), bytes(CHUNK))
    if leaving:
        os.truncate(folder / FILLER, (folder / FILLER).stat().st_size - leaving)


def free(folder: Path) -> None:
    """Make room again."""
    (folder / FILLER).unlink(missing_ok=True)
