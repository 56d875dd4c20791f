"""Pictures that a stranger might bring: 64 px, in colour, eight classes that differ in shape and colour."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from tests.uploads import saved, zipped

SIZE = 64
COLOURS = {
    "circle": (205, 50, 50),
    "cross": (60, 60, 200),
    "diamond": (40, 150, 60),
    "frame": (200, 170, 20),
    "ring": (150, 50, 170),
    "square": (30, 160, 170),
    "stripes": (230, 120, 30),
    "triangle": (110, 75, 45),
}
NAMES = tuple(COLOURS)


def folders(per_class: int, seed: int = 0) -> bytes:
    """A zip with a folder for each class."""
    pictures, labels = arrays(per_class, seed)
    names = [f"{NAMES[label]}/{i:05}.png" for i, label in enumerate(labels)]
    return zipped((name, saved(Image.fromarray(picture))) for name, picture in zip(names, pictures, strict=True))


def arrays(per_class: int, seed: int = 0) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The same pictures, uint8 (N, 64, 64, 3), and their classes (N,), class by class."""
    rng = np.random.default_rng(seed)
    pictures = [np.asarray(drawn(name, rng)) for name in NAMES for _ in range(per_class)]
    return np.stack(pictures), np.repeat(np.arange(len(NAMES)), per_class)


def drawn(name: str, rng: np.random.Generator) -> Image.Image:
    """One shape on a pale ground; place, size and shade vary."""
    picture = Image.new("RGB", (SIZE, SIZE), tuple(int(part) for part in rng.integers(215, 256, 3)))
    shade = tuple(int(np.clip(part + rng.integers(-25, 26), 0, 255)) for part in COLOURS[name])
    r = int(rng.integers(15, 25))
    x, y = (int(place) for place in rng.integers(r + 2, SIZE - r - 2, 2))
    draw, box = ImageDraw.Draw(picture), (x - r, y - r, x + r, y + r)
    if name == "circle":
        draw.ellipse(box, fill=shade)
    elif name == "ring":
        draw.ellipse(box, outline=shade, width=7)
    elif name == "square":
        draw.rectangle(box, fill=shade)
    elif name == "frame":
        draw.rectangle(box, outline=shade, width=7)
    elif name == "cross":
        draw.rectangle((x - r, y - 5, x + r, y + 5), fill=shade)
        draw.rectangle((x - 5, y - r, x + 5, y + r), fill=shade)
    elif name == "stripes":
        for top in range(y - r, y + r, 12):
            draw.rectangle((x - r, top, x + r, top + 5), fill=shade)
    else:
        left, right, bottom = ((x - r, y), (x + r, y), (x, y + r))
        corners = (
            [(x, y - r), left, bottom, right] if name == "diamond" else [(x, y - r), (x - r, y + r), (x + r, y + r)]
        )
        draw.polygon(corners, fill=shade)
    return picture
