"""LitServe with dynamic batching, a worker a core. `python -m ... PORT`.

Its page "Batching": max_batch_size with a batch_timeout (0.01 s; the default of 0 polls without a pause); "Speed up
serving": workers_per_device; its docstring of `fast_queue`: ZeroMQ beyond 100 requests/s. It answers POST alone.
"""

import sys
from typing import Any

import litserve as ls
from fastapi import Response

from bench.serving.peers.drawing import CORES, Ask, Drawer, encode
from core.media.images import Images


class GeneratorAPI(ls.LitAPI):
    """decode -> batch -> predict -> unbatch -> encode, in each worker process."""

    def setup(self, device: str) -> None:
        assert device == "cpu"
        self.drawer = Drawer(num_threads=1)

    def decode_request(self, request: dict[str, Any]) -> Ask:
        return Ask(**request)

    def batch(self, inputs: list[Ask]) -> list[Ask]:
        return inputs

    def predict(self, x: list[Ask]) -> list[tuple[Ask, Images]]:
        return list(zip(x, self.drawer.draw(x), strict=True))

    def unbatch(self, output: list[tuple[Ask, Images]]) -> list[tuple[Ask, Images]]:
        return output

    def encode_response(self, output: tuple[Ask, Images]) -> Response:
        ask, images = output
        return Response(encode(images, ask), media_type=ask.media_type)


if __name__ == "__main__":
    api = GeneratorAPI(max_batch_size=16, batch_timeout=0.01, api_path="/generate")
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=CORES, fast_queue=True, timeout=120)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning")
