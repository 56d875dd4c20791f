"""Zips, tars and arrays that were made to do harm: names that lead out, links, bombs, sizes that there are not."""

import gzip
import io
import stat
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Iterator

import numpy as np

from tests.uploads import class_folders, idx, npz, plain, raw_zip, tarred, zipped

GOOD = plain("red")
BOMB = 12 << 20  # bytes: more than the tests allow an upload to unpack to
NAMES = (
    "../x.png",
    "a/../../x.png",
    "../" * 200 + "etc/x.png",
    "/etc/cron.d/x.png",
    "//host/share/x.png",
    "C:/x.png",
    "C:x.png",
    "..\\..\\x.png",
    "\\\\host\\x.png",
    "\\\\?\\C:\\x.png",
    "a\\..\\..\\x.png",
    "..",
    ".",
    "/",
    "a/../..",
    "~/x.png",
    "$HOME/x.png",
    "x\0.png",
    "x.png\0.txt",
    "x\n.png",
    "x\x1b[2J.png",
    "\u202egnp.exe",
    "a" * 5000 + ".png",
    "a/" * 2000 + "x.png",
    "CON.png",
    "x.png/",
    "x.png/y.png",
    "\ud7ff/x.png",
    "a//b///x.png",
    " ",
    "%2e%2e%2fx.png",
    "..%2fx.png",
    "\uff0e\uff0e/x.png",
)


def files() -> Iterator[tuple[str, bytes]]:
    """Each with a name that says what it is."""
    for number, name in enumerate(NAMES):
        yield f"zip with name {number}", raw_zip([(name.encode(), GOOD), (b"good.png", GOOD)])
        yield f"tar with name {number}", tarred([(name.replace("\0", "0"), GOOD), ("good.png", GOOD)])
    yield from _links()
    yield from _zips()
    yield from _tars()
    yield from _arrays()
    yield from _idx()


def _links() -> Iterator[tuple[str, bytes]]:
    for target in ("/etc/passwd", "../../../etc/passwd", "a.png"):
        link = zipfile.ZipInfo("a.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        yield f"zip with a link to {target}", zipped([("good.png", GOOD), (link, target.encode())])
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            info = tarfile.TarInfo("a.png")
            info.type, info.linkname = kind, target
            folder = tarfile.TarInfo("d")
            folder.type, folder.linkname = kind, "/tmp"
            entries: list[tuple[str | tarfile.TarInfo, bytes]] = [
                ("good.png", GOOD),
                (info, b""),
                (folder, b""),
                ("d/x.png", GOOD),
            ]
            yield f"tar with a link {kind!r} to {target}", tarred(entries)
    for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE, b"Z"):
        info = tarfile.TarInfo("device.png")
        info.type, info.devmajor, info.devminor = kind, 1, 5
        yield f"tar with an entry of type {kind!r}", tarred([("good.png", GOOD), (info, b"")])


def _zips() -> Iterator[tuple[str, bytes]]:
    yield "zip of many zeros", zipped([("a.png", bytes(BOMB)), ("good.png", GOOD)])
    yield "zip in a zip", zipped([("a.zip", zipped([("b.zip", class_folders())]))])
    whole = class_folders(4)
    directory = whole.index(b"PK\x01\x02")
    for at, size in ((20, 4), (24, 4), (28, 2), (30, 2), (42, 4), (10, 2)):  # of the first entry of the directory
        for value in (0, 2 ** (8 * size) - 1, 2 ** (8 * size - 1)):
            data = bytearray(whole)
            data[directory + at : directory + at + size] = value.to_bytes(size, "little")
            yield f"zip with {value} at {at} of an entry", bytes(data)
    end = whole.rindex(b"PK\x05\x06")
    for at, size in ((8, 2), (10, 2), (12, 4), (16, 4), (20, 2)):
        data = bytearray(whole)
        data[end + at : end + at + size] = b"\xff" * size
        yield f"zip with the most at {at} of its end", bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of zipfile, that names are there twice
        yield "zip of one name 300 times", zipped(("a.png", GOOD) for _ in range(300))
    yield "zip whose entries overlap", _overlapping()
    yield "zip of 1,500 files", zipped((f"{i}.png", b"") for i in range(1500))
    for extra in (b"\x01\0\xff\xff", b"\x01\0\x08\0" + b"\xff" * 8, b"up\x05\0\x01" + b"\xff" * 4):
        yield f"zip with the field {extra[:2]!r} of {len(extra)} bytes", raw_zip([(b"a.png", GOOD)], extra=extra)


def _overlapping() -> bytes:
    """A hundred names, all of the bytes of one entry."""
    data = raw_zip([(b"a.png", GOOD)])
    at, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry = data[at:end]
    entries = b"".join(entry.replace(b"a.png", b"%05d" % i) for i in range(100))
    return data[:at] + entries + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 100, 100, len(entries), at, 0)


def _tars() -> Iterator[tuple[str, bytes]]:
    for size in (2**33, 2**62, 10**6):
        info = tarfile.TarInfo("a.png")
        info.size = size
        yield f"tar with a file of {size} bytes", info.tobuf(tarfile.GNU_FORMAT) + GOOD
    for mode in ("w:gz", "w:xz", "w:bz2"):
        yield f"tar {mode} of many zeros", tarred([("a.png", bytes(BOMB)), ("good.png", GOOD)], mode)
        yield f"tar {mode} cut short", tarred([("a.png", GOOD), ("b.png", GOOD)], mode)[:-30]
    for kind in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK):
        for size in (2**20, 2**40):
            info = tarfile.TarInfo("header")
            info.type, info.size = kind, size
            yield f"tar with a header {kind!r} of {size} bytes", info.tobuf(tarfile.GNU_FORMAT) + b"9" * 4096
    for said in (
        b"99 path=x\n",
        b"-5 path=x\n",
        b"x",
        b"28 size=99999999999999999999\n",
        b"26 GNU.sparse.size=-77777\n",
    ):
        info = tarfile.TarInfo("pax")
        info.type, info.size = tarfile.XHDTYPE, len(said)
        blocks = info.tobuf(tarfile.PAX_FORMAT) + said.ljust(512, b"\0")
        yield f"tar that says {said.decode().strip()}", blocks + tarred([("a.png", GOOD)])
    sparse = tarfile.TarInfo("sparse.png")
    sparse.type = tarfile.GNUTYPE_SPARSE
    yield "tar with a sparse file", sparse.tobuf(tarfile.GNU_FORMAT) + bytes(512)
    yield "gzip of gzip of gzip", gzip.compress(gzip.compress(gzip.compress(bytes(1 << 20))))


def _npy(header: bytes, data: bytes = b"", version: int = 1) -> bytes:
    length = struct.pack("<H" if version == 1 else "<I", len(header) & (0xFFFF if version == 1 else 0xFFFFFFFF))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + data


HEADERS = (
    b"{'descr': '|O', 'fortran_order': False, 'shape': (4,), }\n",
    b"{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 8, 8), }\n",
    b"{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296), }\n",
    b"{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999999999999999999, 8, 8), }\n",
    b"{'descr': '|u1', 'fortran_order': False, 'shape': (0, 8, 8), }\n",
    b"{'descr': '|u1', 'fortran_order': False, 'shape': (4, 0, 0), }\n",
    b"{'descr': '|u1', 'fortran_order': False, 'shape': (True, 8, 8), }\n",
    b"{'descr': '|u1', 'fortran_order': False, 'shape': 'abc', }\n",
    b"{'descr': '|u1', 'fortran_order': 7, 'shape': (1, 8, 8), }\n",
    b"{'descr': '<f8', 'fortran_order': True, 'shape': (1, 2, 2), }\n",
    b"{'descr': '<U999999999', 'fortran_order': False, 'shape': (1, 8, 8), }\n",
    b"{'descr': [('a', '|u1'), ('a', '|u1')], 'fortran_order': False, 'shape': (1, 8, 8), }\n",
    b"{'descr': '" + b"(" * 500 + b"', 'fortran_order': False, 'shape': (1, 8, 8), }\n",
    b"{'descr': 'nonsense', 'fortran_order': False, 'shape': (1, 8, 8), }\n",
    b"__import__('os').system('touch /tmp/escaped')\n",
    b"(" * 9000 + b")" * 9000 + b"\n",
    b"{'shape': " + b"[" * 9000 + b"\n",
    b"\xff\xfe\n",
    b"9" * 60_000 + b"\n",
    b"",
)


def _arrays() -> Iterator[tuple[str, bytes]]:
    for number, header in enumerate(HEADERS):
        data = _npy(header, bytes(64))
        yield f"npy with header {number}", data
        yield f"npz with header {number}", zipped([("images.npy", data)])
    yield "npy with a header of 4 GiB", b"\x93NUMPY\2\0\xff\xff\xff\xff{"
    yield "npy of version 9", b"\x93NUMPY\x09\0\1\0{"
    for name, value in (("NaN", np.nan), ("infinity", np.inf), ("1e300", 1e300)):
        yield f"npz of {name}", npz(images=np.full((6, 8, 8), value))
        yield f"npz with labels of {name}", npz(images=np.zeros((6, 8, 8), np.uint8), labels=np.full(6, value))
    for kind in ("complex64", "datetime64[s]", "bool", "S5", "float16", "int64"):
        yield f"npz of {kind}", npz(images=np.zeros((6, 8, 8), kind))
    yield "npz of nothing", npz(images=np.zeros((0, 8, 8), np.uint8))
    yield "npz of one pixel", npz(images=np.zeros((6, 1, 1), np.uint8))
    yield "npz of seven dimensions", npz(images=np.zeros((2,) * 7, np.uint8))
    yield "npz with labels below zero", npz(images=np.zeros((6, 8, 8), np.uint8), labels=np.full(6, -(2**63)))
    yield "npz with labels of 2^63", npz(images=np.zeros((6, 8, 8), np.uint8), labels=np.full(6, 2**64 - 1, np.uint64))
    yield "npz of many zeros", npz(images=np.zeros((1000, 128, 128), np.uint8))
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}, print], object), allow_pickle=True)
    yield "npy with a pickle", buffer.getvalue()
    yield (
        "pickle",
        b"\x80\x04\x95\x1e\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94.",
    )


def _idx() -> Iterator[tuple[str, bytes]]:
    whole = idx(np.zeros((4, 8, 8), np.uint8))
    for at in range(4, 16, 4):
        for value in (0, 2**31, 2**32 - 1):
            data = whole[:at] + value.to_bytes(4, "big") + whole[at + 4 :]
            yield f"IDX with {value} at {at}", data
    for kind, rank in ((8, 0), (8, 8), (8, 255), (0x0D, 3), (0x0E, 3), (7, 3)):
        yield f"IDX of kind {kind} and rank {rank}", bytes([0, 0, kind, rank]) + whole[4:]
    yield "IDX of many zeros", gzip.compress(whole[:4] + struct.pack(">III", 2**26, 8, 8) + bytes(BOMB))
    yield "IDX cut short", whole[:-1]
