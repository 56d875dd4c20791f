"""Images of one size with their labels, checked: what a dataset is made of. Knows no file it is stored in.

Shape suffixes: N images, H height, W width, C channels (1 or 3), V values of a pixel.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.errors import InvalidRequest
from core.media.images import Images
from ganymede.schemas.sound import AudioFormat

MAX_CLASSES = 1000
MAX_SIDE = 1024  # pixels; a preview of larger ones would not fit into a WebP
MAX_CLASS_NAME = 100  # characters
_CHUNK_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class Statistics:
    """`mean` and `std` of each channel, from 0 to 1; `duplicates`: images equal to an earlier one."""

    mean: list[float]
    std: list[float]
    duplicates: int


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Checked images and labels, ready to be stored.

    images_NHWC: uint8, C is 1 or 3; a memory-mapped file may be larger than the memory. labels_N: int64 indices into
    class_names, or None without classes. audio: what the images show, if they are sounds.
    """

    images_NHWC: Images
    labels_N: npt.NDArray[np.int64] | None = None
    class_names: tuple[str, ...] = ()
    audio: AudioFormat | None = None

    def __post_init__(self) -> None:
        shape, kind = self.images_NHWC.shape, self.images_NHWC.dtype
        if len(shape) != 4 or kind != np.uint8 or shape[3] not in (1, 3) or 0 in shape:
            raise InvalidRequest.field("images", f"expected uint8 (N, H, W, 1 or 3), got {kind} {shape}")
        if max(shape[1:3]) > MAX_SIDE:
            raise InvalidRequest.field("images", f"expected at most {MAX_SIDE} px a side, got {shape[2]}x{shape[1]}")
        if self.labels_N is None:
            if self.class_names:
                raise InvalidRequest.field("class_names", "expected none without labels")
            return
        if self.labels_N.shape != (shape[0],):
            raise InvalidRequest.field("labels", f"expected {shape[0]} labels, got shape {self.labels_N.shape}")
        check_class_names(self.class_names)
        if self.labels_N.min() < 0 or self.labels_N.max() >= len(self.class_names):
            raise InvalidRequest.field("labels", f"expected 0 to {len(self.class_names) - 1}")

    @property
    def digest(self) -> str:
        """Return SHA-256 over shape, pixels, labels, class names, and what sounds are kept as."""
        digest = hashlib.sha256(repr((self.images_NHWC.shape, self.class_names)).encode())
        for images_NHWC in self.chunks():
            digest.update(np.ascontiguousarray(images_NHWC).data)
        if self.labels_N is not None:
            digest.update(self.labels_N.astype("<i8").data)
        if self.audio is not None:
            digest.update(self.audio.model_dump_json().encode())
        return digest.hexdigest()

    def chunks(self) -> Iterator[Images]:
        """Yield the images in order, some megabytes at a time."""
        count = len(self.images_NHWC)
        step = max(1, _CHUNK_BYTES // (self.images_NHWC.nbytes // count))
        return (self.images_NHWC[begin : begin + step] for begin in range(0, count, step))

    @property
    def is_grey(self) -> bool:
        return all(bool((images_NHWC == images_NHWC[..., :1]).all()) for images_NHWC in self.chunks())

    def statistics(self) -> Statistics:
        channels = self.images_NHWC.shape[3]
        frequencies_CV = np.zeros((channels, 256), np.int64)  # V: values
        seen: set[bytes] = set()
        for images_NHWC in self.chunks():
            for channel in range(channels):
                frequencies_CV[channel] += np.bincount(images_NHWC[..., channel].reshape(-1), minlength=256)
            seen.update(hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images_NHWC)
        value_V = np.arange(256) / 255
        share_CV = frequencies_CV / frequencies_CV.sum(axis=1, keepdims=True)
        mean_C = share_CV @ value_V
        variance_C = (share_CV * (value_V - mean_C[:, None]) ** 2).sum(axis=1)
        mean, std = mean_C.round(6).tolist(), np.sqrt(variance_C).round(6).tolist()
        return Statistics(mean, std, len(self.images_NHWC) - len(seen))


def check_class_names(names: tuple[str, ...]) -> None:
    """Raise InvalidRequest at `class_names` unless these can name the classes of a dataset."""
    if not 1 <= len(names) <= MAX_CLASSES or len(set(names)) < len(names):
        raise InvalidRequest.field("class_names", f"expected 1 to {MAX_CLASSES} different names, got {len(names)}")
    for name in names:
        if not 0 < len(name) <= MAX_CLASS_NAME or not name.isprintable():
            rule = f"a class name has 1 to {MAX_CLASS_NAME} printable characters; got {name[:MAX_CLASS_NAME]!a}"
            raise InvalidRequest.field("class_names", rule)
