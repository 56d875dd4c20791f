"""One batch, from seeds to pixels or to PNG files, on the thread that calls. Knows no version, no queue and no HTTP.

Shape suffixes: B images of a batch, Z latent, H height, W width, C channels.
"""

import time

import numpy as np

from app.engine.batch import Batch, Painted
from app.engine.forward import Forward, padded
from core.images.png import write_png


def paint(forward: Forward, latent_dim: int, batch: Batch) -> Painted:
    """Draw a batch."""
    began = time.perf_counter()
    z_BZ = batch.latents.draw(slice(None), latent_dim)
    label_B = None if batch.labels is None else np.array(batch.labels, np.int64)
    image_BHWC = forward(*padded(z_BZ, label_B, batch.bucket))[: len(z_BZ)]
    infer_s = time.perf_counter() - began
    if not batch.as_files:
        return Painted(image_BHWC, infer_s)
    files = [write_png(image_HWC) for image_HWC in image_BHWC]
    return Painted(image_BHWC[:0], infer_s, files, time.perf_counter() - began - infer_s)
