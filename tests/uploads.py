"""Files as people upload them, and as they should not: pictures of every kind, zips, IDX files."""

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Entry = tuple[str | zipfile.ZipInfo, bytes]


def picture(
    size: tuple[int, int] = (40, 30), mode: str = "RGB", form: str = "PNG", seed: int = 0, **options: Any
) -> bytes:
    """A noisy picture."""
    channels = len(Image.new(mode, (1, 1)).getbands())
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], channels), np.uint8)
    if mode == "1":
        made = Image.fromarray(noise[..., 0]).convert("1")
    elif mode == "P":
        made = Image.fromarray(noise[..., 0]).convert("RGB").quantize(16)
    else:
        made = Image.fromarray(noise[..., 0] if channels == 1 else noise, mode=None if mode != "CMYK" else mode)
    return saved(made, form, **options)


def plain(colour: Any, size: tuple[int, int] = (16, 16), mode: str = "RGB", form: str = "PNG", **options: Any) -> bytes:
    """A picture of one colour."""
    return saved(Image.new(mode, size, colour), form, **options)


def saved(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def zipped(entries: Iterable[Entry], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return buffer.getvalue()


def class_folders(count: int = 6, size: tuple[int, int] = (16, 16), seed: int = 0) -> bytes:
    """A zip of `count` pictures, in turn of the classes cat and dog."""
    names = [f"pets/{('cat', 'dog')[i % 2]}/{i:04d}.png" for i in range(count)]
    return zipped((name, picture(size, seed=seed + i)) for i, name in enumerate(names))


def idx(array: npt.NDArray[np.uint8]) -> bytes:
    """An array as an IDX file."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def tarred(entries: Iterable[tuple[str | tarfile.TarInfo, bytes]], mode: str = "w", **options: Any) -> bytes:
    """A tar; an entry that is a TarInfo is taken as it is, with its size."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, **options) as archive:  # type: ignore[call-overload]
        for name, data in entries:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            info.size = len(data) if info.isreg() else 0
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def raw_zip(entries: Iterable[tuple[bytes, bytes]], *, says_utf8: bool = False, extra: bytes = b"") -> bytes:
    """A zip, stored, whose names are these very bytes, as tools of any country and age write them."""
    body, directory, count = b"", b"", 0
    for name, data in entries:
        flags, crc = (0x800 if says_utf8 else 0), zlib.crc32(data)
        facts = struct.pack("<HHHHHIIIHH", 20, flags, 0, 0, 33, crc, len(data), len(data), len(name), len(extra))
        directory += b"PK\x01\x02\x14\0" + facts + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + name + extra
        body += b"PK\x03\x04" + facts + name + extra + data
        count += 1
    return body + directory + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(body), 0)
