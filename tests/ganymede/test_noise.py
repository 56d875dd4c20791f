"""Noise from .npy files, as numpy writes them and as it never would."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganymede.client.noise import read_noise

NOISE = np.random.default_rng(0).standard_normal((3, 5))


@pytest.mark.parametrize("kind", ["<f4", "<f8", ">f4", ">f8"])
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_number_is_read_as_it_was_written(tmp_path: Path, kind: str, version: Any) -> None:
    written = NOISE.astype(kind)
    with (tmp_path / "z.npy").open("wb") as file:
        np.lib.format.write_array(file, written, version=version, allow_pickle=False)

    assert read_noise(tmp_path / "z.npy") == written.tolist()


def test_one_vector_is_one_row(tmp_path: Path) -> None:
    np.save(tmp_path / "z.npy", NOISE[0])

    assert read_noise(tmp_path / "z.npy") == [NOISE[0].tolist()]


def saved(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def headed(header: str) -> bytes:
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode()


BAD = {
    "nothing": b"",
    "the beginning alone": b"\x93NUMPY",
    "text": b"hello there",
    "whole numbers": saved(np.zeros((2, 3), np.int64)),
    "pickled objects": saved(np.array([{}, []], object)),
    "three dimensions": saved(np.zeros((2, 3, 4))),
    "one number": saved(np.float64(1)),
    "no rows": saved(np.zeros((0, 3))),
    "columns first": saved(np.asfortranarray(NOISE)),
    "cut short": saved(NOISE)[:-1],
    "longer than it says": saved(NOISE) + b"\0",
    "a header that is code": headed("__import__('os').system('true')"),
    "a header that is no dict": headed("[1]"),
    "a header without its facts": headed("{}"),
    "a header that is cut short": headed("{'descr': '<f4'"),
    "a header longer than the file": b"\x93NUMPY\1\0\xff\xff{}",
    "an unknown version": b"\x93NUMPY\x09\0\0\0",
    "no shape": headed("{'descr': '<f4', 'fortran_order': False, 'shape': 3}"),
    "a shape below nothing": headed("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, -1)}") + b"\0" * 4,
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_is_no_array_of_noise_is_one_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "z.npy").write_bytes(data)

    with pytest.raises(ValueError, match=r"z\.npy: a"):
        read_noise(tmp_path / "z.npy")
