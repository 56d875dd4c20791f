"""BentoML with adaptive batching. `bentoml serve bench.serving.peers.bentoml_batched:Generate --port PORT`.

Its page "Adaptive batching": a batchable method takes one array, so a wrapper Service takes the requests and calls it
through `bentoml.depends`, not waiting for one before the next; max_batch_size counts rows, and max_latency_ms stays
what it is by default, as less answers 503 here. "Parallelize requests handling": a worker a core for work of the CPU.
It answers POST alone.

`runner_connection`: 1.4.39 closes the session between its Services after 100 requests, with those under way in it
(500 to their clients); here it stays open. Shape suffixes: B images, Z latent.
"""

from typing import Annotated, Literal

import bentoml
import numpy as np
from bentoml.validators import ContentType

from bench.serving.peers.drawing import CORES, MAX_PASS, Ask, Drawer, encode

SETTINGS = {
    "workers": CORES,
    "traffic": {"timeout": 120},
    "logging": {"access": {"enabled": False}},
    "runner_connection": {"max_requests": 10**9, "max_age": 1e6},
}


@bentoml.service(**SETTINGS)
class DrawingService:
    """Noise (B, Z) to pictures (B, H, W, C), batched over requests."""

    def __init__(self) -> None:
        self.drawer = Drawer(num_threads=1)

    @bentoml.api(batchable=True, batch_dim=0, max_batch_size=MAX_PASS)
    def forward(self, z_BZ: np.ndarray) -> np.ndarray:
        return self.drawer.forward(z_BZ)


@bentoml.service(**SETTINGS)
class Generate:
    """Requests to noise, pictures to files."""

    drawing = bentoml.depends(DrawingService)

    def __init__(self) -> None:
        self.drawer = Drawer(num_threads=1)

    @bentoml.api
    async def generate(
        self, seed: int, n: int = 1, format: Literal["png", "npy"] = "png"
    ) -> Annotated[bytes, ContentType("image/png")]:
        ask = Ask(seed, n, format)
        images = await self.drawing.to_async.forward(self.drawer.noise(ask))
        return encode(np.asarray(images), ask)
