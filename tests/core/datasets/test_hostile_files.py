"""Files that were made to do harm, as datasets: each is taken or refused with a reason, and nothing is elsewhere."""

import re
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

from core.errors import InvalidRequest
from tests.core.datasets.conftest import LIMITS, Build
from tests.corpus import hostile_archives, hostile_pictures
from tests.processes import PeakMemory
from tests.uploads import plain, zipped

ADDRESS = re.compile(r"at 0x[0-9a-f]{4,}")  # of an object in memory: it says nothing to anybody
MEMORY = 400 << 20  # bytes beyond what there was: an archive of LIMITS, and the pictures of a few


def outcome(build: Callable[[], object]) -> str | None:
    """What is wrong with how it ended; None: it was taken, or refused in words."""
    try:
        build()
    except InvalidRequest as error:
        return None if 5 < len(str(error)) < 3000 and not ADDRESS.search(str(error)) else f"refused by {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def outcomes(take: Build, uploads: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the process of an import prints them; nobody asked for them
        found = {name: outcome(lambda data=data: take(data)) for name, data in uploads}  # type: ignore[misc]
    return {name: what for name, what in found.items() if what}


def written(root: Path) -> set[str]:
    """What lies outside the folders that an import works in."""
    return {path.relative_to(root).parts[0].rstrip("0123456789") for path in root.rglob("*")} | {
        str(path) for path in root.rglob("*") if path.is_symlink() or "escaped" in path.name
    }


def test_no_archive_and_no_array_does_harm(take: Build, tmp_path: Path) -> None:
    with PeakMemory() as memory:
        found = outcomes(take, hostile_archives.files())

    assert found == {}
    assert written(tmp_path) == {"upload-"}
    assert memory.grown < MEMORY, f"{memory.grown} bytes"
    assert not Path("/tmp/escaped").exists()


def test_no_picture_does_harm_to_those_beside_it(take: Build, tmp_path: Path) -> None:
    pictures = [data for _, data in hostile_pictures.files()]
    data = zipped([("good.png", plain("blue")), *((f"{i}.png", data) for i, data in enumerate(pictures))])

    with PeakMemory() as memory:
        report = take(data, limits=LIMITS.model_copy(update={"bytes": 1 << 30})).report.to_body()

    assert report.taken + report.bad == len(pictures) + 1
    assert report.bad > 60
    assert [bad for bad in report.bad_files if not 5 < len(bad.reason) < 300 or ADDRESS.search(bad.reason)] == []
    assert written(tmp_path) == {"upload-"}
    assert memory.grown < MEMORY, f"{memory.grown} bytes"


def test_no_picture_is_taken_for_an_archive(take: Build) -> None:
    assert outcomes(take, hostile_pictures.files()) == {}
