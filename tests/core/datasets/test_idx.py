"""IDX files: what is read, and what is refused. Knows nothing of MNIST itself."""

import gzip
import math
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from core.datasets.idx import read_idx


def idx(shape: tuple[int, ...], data: bytes | None = None, code: int = 8) -> bytes:
    body = bytes(i % 251 for i in range(math.prod(shape))) if data is None else data
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + body


def written(folder: Path, content: bytes) -> Path:
    path = folder / "some.idx"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("shape", [(7,), (3, 4), (2, 28, 28), (2, 5, 5, 3), (0, 28, 28)])
def test_an_array_is_read_as_its_header_declares_it(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = written(tmp_path, idx(shape))

    array = read_idx(path)

    assert array.dtype == np.uint8
    assert array.shape == shape
    assert array.tobytes() == bytes(i % 251 for i in range(math.prod(shape)))


def test_gzip_is_seen_by_content_and_not_by_name(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(idx((2, 3))))

    array = read_idx(path)

    assert array.tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not an IDX file"),
        (b"\0\0\x08", "not an IDX file"),
        (b"\x89PNG\r\n\x1a\n", "not an IDX file"),
        (idx((2,), code=0x0D), "element type 0x0d"),
        (idx(()), "0 dimensions"),
        (idx((1, 1, 1, 1, 1)), "5 dimensions"),
        (b"\0\0\x08\x03\0\0\0\x02\0\0", "cut short inside its header"),
        (idx((2, 3), b"12345"), "cut short, 5 of the 6 bytes"),
        (idx((2, 3), b"1234567"), "bytes after the 6"),
        (gzip.compress(idx((2, 3)), mtime=0)[:-9], "damaged or cut short"),
        (gzip.compress(idx((2, 3)), mtime=0)[:-8] + bytes(8), "damaged or cut short"),
        (gzip.compress(idx((2, 3)), mtime=0)[:10] + b"\xff" * 20, "damaged or cut short"),
        (gzip.compress(idx((2, 3), b"1234567"), mtime=0), "bytes after the 6"),
    ],
)
def test_what_is_not_sound_is_refused_by_name(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = written(tmp_path, content)

    with pytest.raises(ValueError, match=complaint) as refused:
        read_idx(path)

    assert str(refused.value).startswith("some.idx: ")


def test_a_header_that_claims_gigabytes_costs_no_memory(tmp_path: Path) -> None:
    path = written(tmp_path, idx((2**20, 28, 28), b"short"))
    tracemalloc.start()

    with pytest.raises(ValueError, match="cut short, 5 of the"):
        read_idx(path)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2**20


def test_a_gzip_bomb_is_unpacked_no_further_than_its_header_declares(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(idx((4, 4), bytes(64 * 2**20)), compresslevel=1))
    tracemalloc.start()

    with pytest.raises(ValueError, match="bytes after the 16"):
        read_idx(path)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2**20


def test_more_elements_than_the_caller_allows_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, idx((10, 10)))

    with pytest.raises(ValueError, match="declares 100 elements, more than the 99"):
        read_idx(path, max_elements=99)
