"""`python -m app.engine.process FD ...`: the process that runs the forward passes of a CPU, so that they share no GIL
with the event loop. Knows no version, no queue and no HTTP.

One thread a socket reads commands (app/engine/commands.py) from it and answers each; when the API closes them, or is
gone, the process ends.

Shape suffixes: H height, W width, A channels of a picture, and whether a pixel is known.
"""

import dataclasses
import signal
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from app.engine.batch import Batch
from app.engine.calibration import make_forward
from app.engine.commands import Command, DrawCommand, Drawn, Failed, RefineCommand, Refined
from app.engine.forward import Forward, run_batch
from app.engine.ipc import pack, pack_descent, receive, unpack_descent, unpack_rows
from app.engine.opening import open_folder
from app.engine.refining import Refiner
from core.errors import GanymedeError
from core.machine.memory import give_back
from core.registry import VersionManifest
from models.version import WEIGHTS_FILE
from models.weights import load_generator

CPU = torch.device("cpu")


class Reply(NamedTuple):
    """An answer, and the blocks of bytes behind it."""

    answer: Mapping[str, object]
    blocks: Sequence[Any] = ()


class Forwards:
    """The loaded versions by key, with the length of their noise."""

    def __init__(self) -> None:
        self._loaded: dict[int, tuple[Forward, int]] = {}
        self._refiner = Refiner(CPU)

    def obey(self, command: Command, block: memoryview) -> Reply:
        key = command["key"]
        if command["do"] == "draw":
            return self._run(*self._loaded[key], command, block)
        if command["do"] == "refine":
            return self._refine(command, block)
        if command["do"] == "open":
            manifest = VersionManifest.model_validate_json(command["manifest"])
            forward, facts = open_folder(Path(command["folder"]), manifest, CPU, command["precision"])
            self._loaded[key] = forward, manifest.latent_dim
            return Reply(dataclasses.asdict(facts))
        if command["do"] == "load":
            generator, config = load_generator(Path(command["folder"]) / WEIGHTS_FILE)
            self._loaded[key] = make_forward(generator, CPU, command["precision"]), config.latent_dim
        else:
            self._loaded.pop(key, None)
            give_back()
        return Reply({})

    def _run(self, forward: Forward, latent_dim: int, command: DrawCommand, block: memoryview) -> Reply:
        batch = Batch(unpack_rows(command["tensors"], block), command["bucket"], command["as_files"])
        result = run_batch(forward, latent_dim, batch)
        given = result.images
        answer: Drawn = {
            "infer_s": result.infer_s,
            "encode_s": result.encode_s,
            "shape": given.shape,
            "dtype": given.dtype.str,
        }
        if command["as_files"]:
            return Reply({**answer, "sizes": [len(file) for file in result.files]}, result.files)
        return Reply(answer, (given,))

    def _refine(self, command: RefineCommand, block: memoryview) -> Reply:
        now, picture_HWA = unpack_descent(command, command["label"], block)
        then = self._refiner.advance(Path(command["folder"]), now, picture_HWA, command["steps"])
        tensors, blocks = pack_descent(then)
        return Reply(Refined(step=then.step, distance=then.distance, tensors=tensors), blocks)


def serve(connection: socket.socket, forwards: Forwards) -> None:
    """Answer until the other side closes."""
    while True:
        try:
            reply = _reply(forwards, *receive(connection))
            connection.sendall(pack(reply.answer, *reply.blocks))
        except (EOFError, OSError):
            return


def _reply(forwards: Forwards, command: Command, block: memoryview) -> Reply:
    try:
        return forwards.obey(command, block)
    except GanymedeError as error:
        return Reply(Failed(error=str(error), code=error.code))
    except Exception as error:  # told to who asked; the next command may be a better one
        return Reply(Failed(error=f"{type(error).__name__}: {error}", code=None))


def main(descriptors: list[int]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the API closes the sockets
    torch.set_num_threads(1)  # of each thread: they are as many as cores
    forwards = Forwards()
    threads = [threading.Thread(target=serve, args=(socket.socket(fileno=fd), forwards)) for fd in descriptors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main([int(fd) for fd in sys.argv[1:]])
