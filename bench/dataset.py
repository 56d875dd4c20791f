"""Builds the bundled dataset `mnist-10k` from MNIST's own files. Knows nothing of the store or training.

    python -m bench.dataset FOLDER

FOLDER holds MNIST's IDX files (gzipped or plain). The subset is the first 1,000 images of each digit of the
training set, in file order; what it leaves over is `unseen`, which the judge of the digits is trained on.
"""

import argparse
import hashlib
import io
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.datasets.idx import read_idx

PER_CLASS = 1_000
CLASSES = 10
SIZE_LIMIT = 2_000_000
BUNDLED = Path(__file__).resolve().parent.parent / "core" / "datasets" / "bundled"
ARCHIVE = BUNDLED / "mnist-10k.npz"
NOTICE = BUNDLED / "NOTICE-mnist-10k.md"


class Digits(NamedTuple):
    """Images, uint8 (N, 28, 28), and their labels, uint8 (N,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def read_mnist(folder: Path, part: str) -> Digits:
    """MNIST's `train` (60,000) or `t10k` (10,000) part; ValueError for files missing or mismatched."""
    images = read_idx(_idx_file(folder, f"{part}-images-idx3-ubyte"))
    labels = read_idx(_idx_file(folder, f"{part}-labels-idx1-ubyte"))
    if images.shape[1:] != (28, 28) or labels.shape != images.shape[:1]:
        raise ValueError(f"{part}: images of shape {images.shape} and labels of shape {labels.shape} are not MNIST's")
    return Digits(images, labels)


def chosen(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which training images the subset holds: the first 1,000 of each digit, as a mask (N,)."""
    mask = np.zeros(labels.shape, dtype=np.bool_)
    for digit in range(CLASSES):
        places = np.flatnonzero(labels == digit)[:PER_CLASS]
        if len(places) < PER_CLASS:
            raise ValueError(f"only {len(places)} images of digit {digit}, {PER_CLASS} are needed")
        mask[places] = True
    return mask


def unseen(train: Digits) -> Digits:
    """The 50,000 training images that the subset does not hold."""
    rest = ~chosen(train.labels)
    return Digits(train.images[rest], train.labels[rest])


def read_bundled() -> Digits:
    """The committed subset."""
    with np.load(ARCHIVE, allow_pickle=False) as archive:
        return Digits(archive["images"], archive["labels"])


def pack(train: Digits) -> bytes:
    """The subset as the bytes of a .npz; the same bytes on each run (numpy dates all members 1980)."""
    mask = chosen(train.labels)
    class_names = np.array([str(digit) for digit in range(CLASSES)])
    buffer = io.BytesIO()
    np.savez_compressed(buffer, images=train.images[mask], labels=train.labels[mask], class_names=class_names)
    return buffer.getvalue()


def main() -> None:
    """Write the archive, put its digest into the notice, and print both digest and size."""
    parser = argparse.ArgumentParser(description="Build core/datasets/bundled/mnist-10k.npz from MNIST's IDX files.")
    parser.add_argument("folder", type=Path, help="folder with MNIST's four IDX files")
    data = pack(read_mnist(parser.parse_args().folder, "train"))
    if len(data) > SIZE_LIMIT:
        raise SystemExit(f"mnist-10k.npz would have {len(data)} bytes, more than {SIZE_LIMIT}")
    digest = hashlib.sha256(data).hexdigest()
    ARCHIVE.write_bytes(data)
    if NOTICE.exists():
        text = NOTICE.read_text(encoding="utf-8")
        NOTICE.write_text(re.sub(r"\b[0-9a-f]{64}\b", digest, text), encoding="utf-8")
    print(f"{digest}  {ARCHIVE.name}  {len(data)} bytes")


def _idx_file(folder: Path, stem: str) -> Path:
    for candidate in (folder / f"{stem}.gz", folder / stem):
        if candidate.is_file():
            return candidate
    raise ValueError(f"{folder} has neither {stem}.gz nor {stem}")


if __name__ == "__main__":
    main()
