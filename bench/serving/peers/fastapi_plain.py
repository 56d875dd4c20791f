"""Plain FastAPI: the model called in an `async def` route, one process a core. `python -m ... PORT`.

The route is that of FastAPI's page "Lifespan Events", whose example calls a model in `async def predict`; the number of
processes is that of "Server Workers - Uvicorn with Workers". One torch thread in each, as they share the cores.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import uvicorn
from fastapi import FastAPI, Response

from bench.serving.peers.drawing import CORES, Ask, Drawer, encode

drawers: dict[str, Drawer] = {}


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    drawers["generator"] = Drawer(num_threads=1)
    yield
    drawers.clear()


app = FastAPI(lifespan=lifespan)


@app.get("/generate")
async def generate(seed: int, n: int = 1, format: Literal["png", "npy"] = "png") -> Response:
    ask = Ask(seed, n, format)
    images = drawers["generator"].draw([ask])[0]
    return Response(encode(images, ask), media_type=ask.media_type)


if __name__ == "__main__":
    uvicorn.run(f"{__spec__.name}:app", port=int(sys.argv[1]), workers=CORES, access_log=False)
