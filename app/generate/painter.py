"""`python -m app.generate.painter FD ...`: the process that runs the forward passes of a CPU, so that they share no GIL
with the event loop. Knows no version, no queue and no HTTP.

One thread a socket reads commands from it and answers each; when the API closes them, or is gone, the process ends. A
message is a line of JSON, then as many blocks of bytes as it says:

    load  {"do", "key", "folder", "precision"}                             -> {}
    drop  {"do", "key"}                                                    -> {}
    draw  {"do", "key", "shape": [B, Z]}, noise, labels (or empty)         -> {"shape": [B, H, W, C]}, pixels
    png   {"do", "key", "shape": [B, Z], "count"}, noise, labels           -> {"encode_s"}, `count` PNG files

A command that fails is answered by {"error"}.
"""

import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch

from app.generate.forward import EagerForward
from app.generate.wire import receive, receive_block, send
from core.png import write_png
from models.folding import run_in
from models.weights import WEIGHTS_FILE, load_generator

CPU = torch.device("cpu")
Forwards = dict[int, EagerForward]


def serve(connection: Connection, forwards: Forwards) -> None:
    """Answer until the other side closes."""
    while True:
        try:
            command = receive(connection)
            blocks = [receive_block(connection) for _ in range(command.get("blocks", 0))]
        except EOFError:
            return
        try:
            answer, pixels = _obey(command, blocks, forwards)
        except Exception as error:  # told to who asked; the next command may be a better one
            answer, pixels = {"error": f"{type(error).__name__}: {error}"}, []
        send(connection, answer, *pixels)


def _obey(command: dict[str, Any], blocks: list[bytearray], forwards: Forwards) -> tuple[dict[str, Any], list[Any]]:
    key = command["key"]
    if command["do"] == "load":
        generator, _ = load_generator(Path(command["folder"]) / WEIGHTS_FILE)
        forwards[key] = EagerForward(run_in(generator, command["precision"]), CPU)
        return {}, []
    if command["do"] == "drop":
        forwards.pop(key, None)
        return {}, []
    noise, labels = blocks
    z_BZ = np.frombuffer(noise, np.float32).reshape(command["shape"])
    image_BHWC = forwards[key](z_BZ, np.frombuffer(labels, np.int64) if labels else None)
    if command["do"] == "draw":
        return {"shape": image_BHWC.shape}, [image_BHWC]
    began = time.perf_counter()
    files = [write_png(image_HWC) for image_HWC in image_BHWC[: command["count"]]]
    return {"encode_s": time.perf_counter() - began}, files


def main(descriptors: list[int]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the API closes the sockets
    torch.set_num_threads(1)  # of each thread: they are as many as cores
    forwards: Forwards = {}
    threads = [threading.Thread(target=serve, args=(Connection(fd), forwards)) for fd in descriptors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main([int(fd) for fd in sys.argv[1:]])
