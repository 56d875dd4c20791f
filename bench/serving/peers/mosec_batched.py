"""mosec with dynamic batching, a worker a core. `python -m ... --port PORT`; mosec reads the rest of the command line.

Its README, "Performance tuning": workers by `num`, BLAS threads by `env`, own `deserialize` and `serialize` instead of
JSON for pictures; "Configuration": `max_wait_time` below the time of a batch. It is 1 ms: 5 doubled the latency of a
lone request, and batches form under load all the same. It answers POST alone, and a worker names one media type, so
npy is called image/png.
"""

import json

from mosec import Server, Worker

from bench.serving.peers.drawing import CORES, Ask, Drawer, encode


class Generator(Worker):
    """A batch of requests in, their files out."""

    resp_mime_type = "image/png"

    def __init__(self) -> None:
        super().__init__()
        self.drawer = Drawer(num_threads=1)

    def deserialize(self, data: bytes) -> Ask:
        return Ask(**json.loads(data))

    def forward(self, data: list[Ask]) -> list[bytes]:
        return [encode(images, ask) for ask, images in zip(data, self.drawer.draw(data), strict=True)]

    def serialize(self, data: bytes) -> bytes:
        return data


if __name__ == "__main__":
    server = Server()
    environment = [{"OMP_NUM_THREADS": "1"}] * CORES
    server.append_worker(
        Generator, num=CORES, max_batch_size=16, max_wait_time=1, env=environment, timeout=120, route="/generate"
    )
    server.run()
