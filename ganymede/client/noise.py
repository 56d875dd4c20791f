"""Noise from a .npy file, read without numpy: the client runs without it. Knows no route."""

import ast
import struct
from pathlib import Path

MAGIC = b"\x93NUMPY"
LENGTHS = {1: "<H", 2: "<I", 3: "<I"}  # of the header, by version of the format
KINDS = {"<f4": "<f", "<f8": "<d", ">f4": ">f", ">f8": ">d"}
NEEDED = "a .npy file of float32 or float64 in rows, one for each image, is needed"


def read_noise(path: str | Path) -> list[list[float]]:
    """Read the rows of an array (N, Z) or (Z,); ValueError for another file."""
    data = Path(path).read_bytes()
    try:
        kind, shape, numbers = _parse(data)
    except (KeyError, SyntaxError, TypeError, UnicodeDecodeError, ValueError, struct.error):
        raise ValueError(f"{path}: {NEEDED}") from None
    rows, columns = shape if len(shape) == 2 else (1, *shape)
    if len(numbers) != rows * columns * struct.calcsize(kind):
        raise ValueError(f"{path}: an array of {shape} does not have {len(numbers)} bytes; it may be cut short")
    flat = [number for (number,) in struct.iter_unpack(kind, numbers)]
    return [flat[i * columns : (i + 1) * columns] for i in range(rows)]


def _parse(data: bytes) -> tuple[str, tuple[int, ...], bytes]:
    """Return number format, shape and data; raises some error for any other file."""
    form = LENGTHS[data[6]] if data.startswith(MAGIC) and len(data) > len(MAGIC) else LENGTHS[0]
    begin = 8 + struct.calcsize(form)
    end = begin + struct.unpack_from(form, data, 8)[0]
    header = ast.literal_eval(data[begin:end].decode("latin-1").strip())
    shape = tuple(header["shape"])
    is_in_order = header["fortran_order"] is False or len(shape) == 1
    if not (is_in_order and len(shape) in (1, 2) and all(isinstance(side, int) and side > 0 for side in shape)):
        raise ValueError
    return KINDS[header["descr"]], shape, data[end:]
