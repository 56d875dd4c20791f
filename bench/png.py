"""Ways to write a PNG of what is drawn here: `python -m bench.png`.

Times Pillow's ways and our own on the pictures and sheets of the starter model, as they are and enlarged, and on two
of colour: one of noise, and one that is smooth as a photograph is. Prints the median time and the size of each.
"""

import io
import statistics
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from bench.quality import machine
from core.images import Images, contact_sheet, enlarge
from core.png import write_png
from models.sampling import draw
from models.weights import WEIGHTS_FILE, load_generator

ROUNDS = 15
STARTER = Path(__file__).resolve().parents[1] / "models" / "starter"

Way = Callable[[Images], bytes]


def by_pillow(level: int, strategy: int) -> Way:
    def write(image_HWC: Images) -> bytes:
        picture = Image.fromarray(image_HWC[:, :, 0] if image_HWC.shape[2] == 1 else image_HWC)
        buffer = io.BytesIO()
        picture.save(buffer, "PNG", compress_level=level, compress_type=strategy)
        return buffer.getvalue()

    return write


WAYS: dict[str, Way] = {
    "Pillow, level 6": by_pillow(6, zlib.Z_DEFAULT_STRATEGY),
    "Pillow, level 1": by_pillow(1, zlib.Z_DEFAULT_STRATEGY),
    "Pillow, Huffman only": by_pillow(6, zlib.Z_HUFFMAN_ONLY),
    "Pillow, RLE": by_pillow(6, zlib.Z_RLE),
    "core/png.py": write_png,
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
    noise = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)
    return {
        "a digit": drawn[0],
        "a digit, scale 8": enlarge(drawn[:1], 8)[0],
        "64 digits": sheet,
        "64 digits, scale 4": enlarge(sheet[None], 4)[0],
        "noise in colour": noise[0],
        "smooth in colour": smooth(),
        "the same, scale 8": enlarge(smooth(32)[None], 8)[0],
    }


def main() -> None:
    torch.set_num_threads(1)
    host = machine()
    print(f"{host['cpu']}, {host['cores']} cores, zlib {zlib.ZLIB_RUNTIME_VERSION}")
    print(f"{'picture':<20}{'size':>10}  {'way':<22}{'us':>8}{'bytes':>9}")
    for name, image_HWC in pictures().items():
        times: dict[str, list[float]] = {way: [] for way in WAYS}
        sizes = {way: len(write(image_HWC)) for way, write in WAYS.items()}
        for _ in range(ROUNDS):
            for way, write in WAYS.items():  # in turn, so that a change of the machine's speed meets all
                began = time.perf_counter()
                write(image_HWC)
                times[way].append(time.perf_counter() - began)
        size = "x".join(map(str, image_HWC.shape))
        for way, seconds in times.items():
            print(f"{name:<20}{size:>10}  {way:<22}{statistics.median(seconds) * 1e6:>8.0f}{sizes[way]:>9}")


if __name__ == "__main__":
    main()
