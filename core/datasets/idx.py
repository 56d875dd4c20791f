"""IDX files (MNIST's format): bytes to arrays. Knows nothing of datasets, or of where the files came from.

The format: two zero bytes, one byte for the element type, one for the number of dimensions, that many
big-endian 32-bit sizes, then the elements in C order. Only unsigned bytes are read here.
"""

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

UINT8_CODE = 0x08
MAX_DIMENSIONS = 4
MAX_ELEMENTS = 2**31
CHUNK = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"


def read_idx(path: Path | str, max_elements: int = MAX_ELEMENTS) -> NDArray[np.uint8]:
    """Read one IDX file, gzipped or plain, into a uint8 array of the shape its header declares.

    Memory grows with the bytes that are really there, never with what a header merely claims, and stops one
    byte past the declared size. Raises ValueError, naming the file, when it is not IDX, not of unsigned
    bytes, larger than `max_elements`, or holds fewer or more bytes than it declares.
    """
    path = Path(path)
    try:
        with _opened(path) as stream:
            shape = _read_shape(stream, path.name)
            count = math.prod(shape)
            if count > max_elements:
                raise ValueError(f"{path.name}: declares {count} elements, more than the {max_elements} allowed")
            data = _read_at_most(stream, count + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path.name}: the gzip stream is damaged or cut short ({error})") from error
    if len(data) < count:
        raise ValueError(f"{path.name}: cut short, {len(data)} of the {count} bytes that its header declares")
    if len(data) > count:
        raise ValueError(f"{path.name}: has bytes after the {count} that its header declares")
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file, and decompress it if it begins like gzip: content decides, not the name."""
    with path.open("rb") as raw:
        magic = raw.read(2)
        raw.seek(0)
        if magic != GZIP_MAGIC:
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as unzipped:
            yield cast(BinaryIO, unzipped)


def _read_shape(stream: BinaryIO, name: str) -> tuple[int, ...]:
    head = stream.read(4)
    if len(head) < 4 or head[:2] != b"\0\0":
        raise ValueError(f"{name}: not an IDX file (it starts with {head.hex(' ') or 'nothing'}, not 00 00)")
    code, dimensions = head[2], head[3]
    if code != UINT8_CODE:
        raise ValueError(f"{name}: element type 0x{code:02x} is not supported, only unsigned bytes (0x08)")
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise ValueError(f"{name}: {dimensions} dimensions, expected 1 to {MAX_DIMENSIONS}")
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise ValueError(f"{name}: cut short inside its header")
    return tuple(int(size) for size in np.frombuffer(sizes, dtype=">u4"))


def _read_at_most(stream: BinaryIO, limit: int) -> bytearray:
    data = bytearray()
    while len(data) < limit:
        chunk = stream.read(min(CHUNK, limit - len(data)))
        if not chunk:
            break
        data += chunk
    return data
