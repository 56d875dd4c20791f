"""The limit of the HTTP stack: FastAPI and uvicorn, one process, one PNG made at start-up. `python -m ... PORT`.

Runs in the project's own environment, with the uvloop and httptools that Ganymede runs on.
"""

import sys

import uvicorn
from fastapi import FastAPI, Response

from bench.serving.peers.drawing import Ask, Drawer, encode

app = FastAPI()
constant: list[bytes] = []


@app.get("/generate")
async def generate() -> Response:
    return Response(constant[0], media_type="image/png")


if __name__ == "__main__":
    ask = Ask(seed=0)
    constant.append(encode(Drawer(num_threads=1).draw([ask])[0], ask))
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False, loop="uvloop", http="httptools")
