"""uint8 images as frames of one file that repeats for ever: WebP, GIF and APNG. Knows no model and no HTTP.

WebP and APNG have the very pixels; a GIF has 256 colours a frame, so grey pictures are exact there and others are not.

Shape suffixes: F frames, H height, W width, C channels (1 or 3).
"""

import io
from typing import Any, Literal

from PIL import Image

from core.media.images.sheets import Images

Animation = Literal["webp", "gif", "apng"]

SAVED: dict[Animation, dict[str, Any]] = {
    "webp": {"format": "WEBP", "lossless": True, "quality": 20, "method": 0},  # more of both: ten times as long
    "gif": {"format": "GIF", "optimize": False},
    "apng": {"format": "PNG"},
}


def animate(frames_FHWC: Images, fps: int, form: Animation) -> bytes:
    """One file of all frames, each shown for 1 / fps seconds (a GIF: in hundredths)."""
    frames = [Image.fromarray(frame[:, :, 0] if frame.shape[2] == 1 else frame) for frame in frames_FHWC]
    if form == "gif":
        frames = [each if each.mode == "L" else each.quantize(256, Image.Quantize.FASTOCTREE) for each in frames]
    buffer = io.BytesIO()
    shown_ms = round(1000 / fps)
    frames[0].save(buffer, save_all=True, append_images=frames[1:], duration=shown_ms, loop=0, **SAVED[form])
    return buffer.getvalue()
