"""What cannot be read is recognised by how it begins, and named with what to do."""

import bz2
import gzip
import io
import lzma
import struct

import numpy as np
import pytest

from core.datasets.uploads import masked_crc32c
from core.errors import InvalidRequest
from tests.core.datasets.conftest import Build
from tests.uploads import class_folders, plain, raw_zip, zipped

SAVE = "save its pictures as files in a folder for each class"
RECORD_LENGTH = struct.pack("<Q", 10)
OTHERS = {
    "a 7z archive; unpack it": b"7z\xbc\xaf\x27\x1c\0\x04",
    "a RAR archive; unpack it": b"Rar!\x1a\x07\x01\0",
    "packed with Zstandard; unpack it": b"\x28\xb5\x2f\xfd\x24\0\x01\0\0",
    "packed with LZ4": b"\x04\x22\x4d\x18\x64",
    "packed with compress": b"\x1f\x9d\x90",
    "packed with LZMA": lzma.compress(b"x", lzma.FORMAT_ALONE),
    "packed with lzip": b"LZIP\x01",
    "a cabinet file": b"MSCF\0\0\0\0",
    "a part of a zip of several parts": b"PK\x07\x08PK\x03\x04",
    "a disk image": b"\1" * 32769 + b"CD001",
    f"an HDF5 file; {SAVE}": b"\x89HDF\r\n\x1a\n\0\0",
    f"a MATLAB file (7.3); {SAVE}": b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n",
    f"a MATLAB file; {SAVE}": b"MATLAB 5.0 MAT-file, Platform: GLNXA64",
    f"a Parquet file; {SAVE}": b"PAR1\x15\x04",
    f"an Arrow file; {SAVE}": b"ARROW1\0\0",
    f"an SQLite database; {SAVE}": b"SQLite format 3\0",
    f"an LMDB database; {SAVE}": b"\0" * 16 + b"\xde\xc0\xef\xbe\1\0\0\0" + bytes(10),
    f"a TFRecord file; {SAVE}": RECORD_LENGTH + struct.pack("<I", masked_crc32c(RECORD_LENGTH)) + b"\x0a" * 14,
    f"a safetensors file; {SAVE}": struct.pack("<Q", 12) + b'{"a": {}}   ' + bytes(9),
    "a pickle (.pkl, .pt), which can run code and is never opened": b"\x80\x04\x95\x05\0\0\0",
    "a JPEG, a single picture; send a zip or a tar": plain("red", form="JPEG"),
    "an AVIF, a single picture": b"\0\0\0\x1cftypavif\0\0\0\0avif",
    "a HEIC photo": b"\0\0\0\x1cftypheic\0\0\0\0mif1",
    "a PDF": b"%PDF-1.7",
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\n",
    "a web page": b"\n<!DOCTYPE html><html>",
    "text": b"hello",
    "empty": b"",
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_cannot_be_read_is_named_with_what_to_do(take: Build, what: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        take(OTHERS[what], names=("data.bin",))

    assert str(refused.value).startswith("/file: data.bin: is ")
    assert what in str(refused.value)
    assert "expected a zip or a tar of pictures, an .npz, .npy files, or IDX files" in str(refused.value)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("within", [b"\x93NUMPY\x01\0", b"PAR1", b"hello", class_folders()])
def test_what_is_in_a_compressed_file_is_named_too(take: Build, pack: object, within: bytes) -> None:
    assert callable(pack)

    with pytest.raises(InvalidRequest, match=r"no tar, is compressed in it; .*expected a zip or a tar"):
        take(pack(within))


def test_checksums_of_tfrecord_are_those_of_its_specification() -> None:
    crc = 0xE3069283  # of 123456789: the check value of CRC-32C

    assert masked_crc32c(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@pytest.mark.parametrize(
    ("method", "name"),
    [(1, "Shrink"), (6, "Implode"), (9, "Deflate64"), (93, "Zstandard"), (95, "XZ"), (98, "PPMd"), (77, "method 77")],
)
def test_a_packing_that_is_not_read_is_named_with_what_to_do(take: Build, method: int, name: str) -> None:
    data = bytearray(raw_zip([(b"a.png", plain("red")), (b"b.png", plain("red"))]))
    for magic, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(magic) + at] = method

    (bad,) = take(bytes(data)).report.to_body().bad_files

    assert f": {name}; unpack it and pack it anew with Deflate" in bad.reason


def test_the_weights_of_a_network_are_no_pictures(take: Build) -> None:
    with pytest.raises(InvalidRequest, match=r"/file: is a PyTorch file \(.pt\): a pickle"):
        take(zipped([("archive/data.pkl", b"\x80\x02"), ("archive/version", b"3"), ("archive/data/0", b"\0" * 9)]))


def test_of_several_files_the_one_that_is_no_idx_is_named(take: Build) -> None:
    with pytest.raises(InvalidRequest, match=r"or each an .npy; else send one file. b.7z: is a 7z"):
        take(b"\0\0\x08\x01\0\0\0\x01\0", OTHERS["a 7z archive; unpack it"], names=("a", "b.7z"))


def test_arrays_of_an_npz_are_still_found_by_their_names(take: Build) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, images=np.zeros((3, 16, 16), np.uint8))

    assert take(buffer.getvalue()).report.kind == "npz"
