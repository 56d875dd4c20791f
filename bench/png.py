"""Ways to write a PNG of what is drawn here: `python -m bench.png`.

Times Pillow, and zlib and ISA-L behind the filters of core/media/images/png.py, on pictures and sheets of the starter
model, as they are and enlarged, and on some of colour: noise, and what is smooth as a photograph is. Prints median
times, and sizes. Shape suffixes: H height, W width, C channels.
"""

import io
import statistics
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import isal
import numpy as np
import torch
from isal import isal_zlib
from PIL import Image

from bench.machine import machine
from core.media.images import Images, contact_sheet, enlarge
from core.media.images.png import WINDOW_BITS, filtered, write_png
from models.sampling import draw
from models.version import WEIGHTS_FILE
from models.weights import load_generator

ROUNDS = 15
STARTER = Path(__file__).resolve().parents[1] / "models" / "starter" / "digits"

Way = Callable[[Images], bytes]


def by_pillow(level: int, strategy: int) -> Way:
    def write(image_HWC: Images) -> bytes:
        picture = Image.fromarray(image_HWC[:, :, 0] if image_HWC.shape[2] == 1 else image_HWC)
        buffer = io.BytesIO()
        picture.save(buffer, "PNG", compress_level=level, compress_type=strategy)
        return buffer.getvalue()

    return write


def by_zlib(image_HWC: Images) -> bytes:
    packer = zlib.compressobj(strategy=zlib.Z_RLE)
    return packer.compress(rows_of(image_HWC).data) + packer.flush()


def by_isal(level: int, window_bits: int = WINDOW_BITS) -> Way:
    return lambda image_HWC: isal_zlib.compress(rows_of(image_HWC), level, window_bits)


def rows_of(image_HWC: Images) -> Images:
    """What core/media/images/png.py compresses."""
    height, width, channels = image_HWC.shape
    return filtered(image_HWC.reshape(height, width * channels), channels)


WAYS: dict[str, Way] = {
    "Pillow, level 6": by_pillow(6, zlib.Z_DEFAULT_STRATEGY),
    "Pillow, level 1": by_pillow(1, zlib.Z_DEFAULT_STRATEGY),
    "Pillow, RLE": by_pillow(6, zlib.Z_RLE),
    "zlib, RLE": by_zlib,
    "ISA-L, level 0": by_isal(0),
    "ISA-L, level 1": by_isal(1),
    "ISA-L, level 2": by_isal(2),
    "ISA-L, level 3": by_isal(3),
    "level 1, 32 kB back": by_isal(1, 15),
    "core/media/images/png.py": write_png,
}


def digits() -> Images:
    """64 pictures (N, H, W, C) of the model that comes with the package."""
    generator, config = load_generator(STARTER / WEIGHTS_FILE)
    return draw(generator, range(64), config.latent_dim, config.num_classes)


def smooth(side: int = 256) -> Images:
    """A picture of colours that change slowly, with a little noise."""
    y_HW, x_HW = np.mgrid[0:side, 0:side]
    waves = [128 + 100 * np.sin(x_HW / 40 + c) * np.cos(y_HW / 50) for c in range(3)]
    noisy = np.stack(waves, -1) + np.random.default_rng(0).normal(0, 1.5, (side, side, 3))
    return noisy.clip(0, 255).astype(np.uint8)


def pictures() -> dict[str, Images]:
    drawn = digits()
    sheet = contact_sheet(drawn)
    return {
        "digit": drawn[0],
        "digit x8": enlarge(drawn[:1], 8)[0],
        "64 digits": sheet,
        "64 x4": enlarge(sheet[None], 4)[0],
        "noise 32": np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8),
        "smooth 64": smooth(64),
        "smooth 256": smooth(),
        "32 x8": enlarge(smooth(32)[None], 8)[0],
    }


def main() -> None:
    torch.set_num_threads(1)
    host, images = machine(), pictures()
    times: dict[tuple[str, str], list[float]] = {(way, name): [] for way in WAYS for name in images}
    for _ in range(ROUNDS):
        for name, image_HWC in images.items():
            for way, write in WAYS.items():  # in turn, so that a change of the machine's speed meets all
                began = time.perf_counter()
                write(image_HWC)
                times[way, name].append(time.perf_counter() - began)
    print(f"{host['cpu']}, {host['cores']} cores, zlib {zlib.ZLIB_RUNTIME_VERSION}, isal {isal.__version__}")
    print(f"{'microseconds':<20}" + "".join(f"{name:>11}" for name in images))
    for way in WAYS:
        print(f"{way:<20}" + "".join(f"{statistics.median(times[way, name]) * 1e6:>11.0f}" for name in images))
    print(f"{'bytes':<20}" + "".join(f"{name:>11}" for name in images))
    for way, write in WAYS.items():
        print(f"{way:<20}" + "".join(f"{len(write(image_HWC)):>11}" for image_HWC in images.values()))


if __name__ == "__main__":
    main()
