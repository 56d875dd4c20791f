"""FastAPI + thread pool: a `def` route, which runs in threads; one process. `python -m ... PORT`.

FastAPI's page "Concurrency and async / await" sends blocking work there; Starlette's page "Thread Pool" sizes the pool
(40 by default, far too many for work that computes): a thread a core, with one torch thread each.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import anyio.to_thread
import torch
import uvicorn
from fastapi import FastAPI, Response

from bench.serving.peers.drawing import CORES, Ask, Drawer, encode

drawers: dict[str, Drawer] = {}


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = CORES
    drawers["generator"] = Drawer(num_threads=1)
    yield
    drawers.clear()


app = FastAPI(lifespan=lifespan)


@app.get("/generate")
def generate(seed: int, n: int = 1, format: Literal["png", "npy"] = "png") -> Response:
    torch.set_num_threads(1)  # OpenMP keeps this number for each thread that calls it
    ask = Ask(seed, n, format)
    images = drawers["generator"].draw([ask])[0]
    return Response(encode(images, ask), media_type=ask.media_type)


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False)
