"""Many files to one file of images: decoded on every core, written in their order. Knows no archive and no store.

Shape suffixes: H height, W width, C channels.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np

from core.datasets.levels import FULL, UNIT, Span, levels_of
from core.datasets.members import FileRefused
from core.datasets.order import AUTO, AUTO_SIZES, ImportForm
from core.datasets.picture import Plan, Shape
from core.datasets.report import Report
from core.errors import InvalidRequest
from core.machine.cores import available_cores
from core.media.images import Images, base_size

MAX_THREADS = 8  # each may hold a picture of GANYMEDE_MAX_PIXELS
AHEAD = 4  # pictures a thread that wait to be written

T = TypeVar("T")
OnProgress = Callable[[str, int, int], None]  # what is being done, how many of how many


def in_order(count: int, work: Callable[[int], T]) -> Iterator[T | FileRefused]:
    """Yield `work(0)`, `work(1)` ... from a few threads, never far ahead of the reader; a refusal is a result."""

    def attempt(i: int) -> T | FileRefused:
        try:
            return work(i)
        except FileRefused as refusal:
            return refusal

    threads = min(MAX_THREADS, available_cores())
    with ThreadPoolExecutor(threads, "picture") as pool:
        waiting: deque[Future[T | FileRefused]] = deque()
        for i in range(count):
            waiting.append(pool.submit(attempt, i))
            if len(waiting) >= AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def plan_for(form: ImportForm, shapes: Sequence[Shape]) -> Plan:
    """Decide what pictures of these shapes become; resolves `auto`."""
    is_cropped = form.crop == "centre"
    size = _auto_size(shapes, is_cropped) if form.size == AUTO else int(form.size)
    is_grey = bool(shapes) and all(shape.is_grey for shape in shapes)
    channels = (1 if is_grey else 3) if form.channels == AUTO else int(form.channels)
    spans = [shape.span for shape in shapes if shape.span]
    whole, floats = (Span.joined(span for span in spans if span.is_whole == is_whole) for is_whole in (True, False))
    return Plan(
        *(size, channels, is_cropped, background_of(form)),
        whole=levels_of(whole) if whole else FULL,
        floats=levels_of(floats) if floats else UNIT,
    )


def background_of(form: ImportForm) -> int:
    """Return the grey level behind transparent pixels."""
    return 255 if form.background == "white" else 0


def _auto_size(shapes: Sequence[Shape], is_cropped: bool) -> int:
    sizes = {(shape.width, shape.height) for shape in shapes}
    if len(sizes) == 1:
        ((width, height),) = sizes
        if width == height and base_size(width):
            return width
    sides = [min(s.width, s.height) if is_cropped else max(s.width, s.height) for s in shapes]
    fitting = [size for size in AUTO_SIZES if 2 * sum(side >= size for side in sides) >= len(sides)]
    return max(fitting, default=AUTO_SIZES[0])


def check_bytes(count: int, shape_HWC: tuple[int, int, int], max_bytes: int, pointer: str = "/size") -> None:
    """Raise InvalidRequest if so many images of this size would exceed the disk space of an import."""
    needed = count * math.prod(shape_HWC)
    if needed > max_bytes:
        shape = "x".join(map(str, shape_HWC))
        raise InvalidRequest.field(pointer, f"{count} images of {shape} take {needed} bytes; {max_bytes} are allowed")


def convert(
    names: Sequence[str],
    read: Callable[[int], tuple[Images, bool]],
    shape_HWC: tuple[int, int, int],
    target: Path,
    report: Report,
    on_progress: OnProgress,
) -> list[int]:
    """Write the pictures (H, W, C) that `read` returns into an .npy, (N, H, W, C); return which were taken."""
    taken: list[int] = []
    with target.open("wb") as file:
        _write_header(file, (len(names), *shape_HWC))
        header = file.tell()
        for i, result in enumerate(in_order(len(names), read)):
            if isinstance(result, FileRefused):
                report.refuse(names[i], str(result))
            else:
                image_HWC, is_enlarged = result
                file.write(image_HWC.tobytes())
                report.enlarged += is_enlarged
                taken.append(i)
            on_progress("decoding", i + 1, len(names))
        file.seek(0)
        _write_header(file, (len(taken), *shape_HWC))
        assert file.tell() == header  # numpy leaves room for any number of images
    report.taken = len(taken)
    return taken


def _write_header(file: BinaryIO, shape: tuple[int, int, int, int]) -> None:
    uint8 = np.lib.format.dtype_to_descr(np.dtype(np.uint8))
    np.lib.format.write_array_header_1_0(file, {"descr": uint8, "fortran_order": False, "shape": shape})
