"""One forward pass of a batch in a fixed shape: rows of tensors in, pixels or numbers out.

Knows no version and no queue.

On a CPU the network runs step by step, on the thread that calls. On a GPU each shape is recorded once as a CUDA graph
and replayed: one launch in the place of dozens.

Shape suffixes: B images of a batch, filled up to its shape; Z latent, H height, W width, C channels.
"""

import contextlib
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from app.engine.batch import Batch, BatchResult, Given, Rows
from core.media.images.png import write_png
from models.sampling import to_uint8

WARM_UPS = 3  # passes before a capture: cuDNN chooses its kernels and workspaces in them

INPUTS = ("noise", "label", "picture")  # of a network, in its order, unless it names its own
PICTURE_DIMENSIONS = 4  # B C H W; what has fewer is numbers, of which there are so many a row

_on_device = threading.Lock()  # a capture may not meet another thread's work on the same GPU


class Forward(Protocol):
    """Gives pixels (B, H, W, C) of B rows, or numbers (B, K) where a network draws none; B is one of its shapes."""

    def __call__(self, rows: Rows) -> Given: ...

    @property
    def beside(self) -> int:
        """Bytes on the device beside the weights."""
        ...

    def raw(self, rows: Rows) -> npt.NDArray[np.float32]:
        """Return the numbers (B, C, H, W) or (B, K) before rounding: where they are equal, so is all that is given."""
        ...


def run_batch(forward: Forward, latent_dim: int, batch: Batch) -> BatchResult:
    began = time.perf_counter()
    rows = batch.rows.with_noise(latent_dim)
    given = forward(rows.padded(batch.bucket))[: len(rows)]
    infer_s = time.perf_counter() - began
    if not batch.as_files:
        return BatchResult(given, infer_s)
    files = [write_png(image_HWC) for image_HWC in given]
    return BatchResult(given[:0], infer_s, files, time.perf_counter() - began - infer_s)


def alone_on(device: torch.device) -> AbstractContextManager[object]:
    """Keep other work off a GPU meanwhile; on a CPU nobody is in the way."""
    return _on_device if device.type == "cuda" else contextlib.nullcontext()


def give_back_gpu(device: torch.device) -> None:
    """Return unused memory of PyTorch to the GPU; nothing on a CPU."""
    if device.type == "cuda":
        with _on_device, torch.cuda.device(device):
            torch.cuda.empty_cache()


class EagerForward:
    """Runs on the CPU, or on a GPU without graphs; any number of threads may call it at once."""

    beside = 0

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self.network, self.device = network, device

    def __call__(self, rows: Rows) -> Given:
        with torch.inference_mode():
            given: Given = _finished(_run(self.network, self.device, rows)).cpu().numpy()
        return given

    def raw(self, rows: Rows) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            return _numbers(_run(self.network, self.device, rows))


def _run(network: nn.Module, device: torch.device, rows: Rows) -> Tensor:
    return _called(network, {name: torch.from_numpy(tensor).to(device) for name, tensor in rows.tensors.items()})


def _called(network: nn.Module, tensors: Mapping[str, Tensor]) -> Tensor:
    """Call a network with what it takes; a label that it does not take is None where a picture comes behind it."""
    inputs = [tensors.get(name) for name in getattr(network, "INPUTS", INPUTS)]
    while inputs[-1] is None:
        inputs.pop()
    given: Tensor = network(*inputs)
    return given


def _finished(given: Tensor) -> Tensor:
    """Pictures become pixels; numbers stay as they are."""
    return to_uint8(given) if given.dim() == PICTURE_DIMENSIONS else given


def _numbers(given: Tensor) -> npt.NDArray[np.float32]:
    numbers: npt.NDArray[np.float32] = given.float().cpu().numpy()
    return numbers


@dataclass(frozen=True, slots=True)
class Recording:
    """A captured graph and the memory it reads and writes."""

    graph: torch.cuda.CUDAGraph
    inputs: dict[str, Tensor]  # of the network
    given: Tensor
    host: Tensor  # pinned


class GraphForward:
    """Runs on a CUDA device: one graph for each shape, recorded when the shape is first used."""

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self.network, self.device = network, device
        self._recordings: dict[int, Recording] = {}
        self._pool = torch.cuda.graph_pool_handle()  # shared: only one graph runs at a time

    def __call__(self, rows: Rows) -> Given:
        with _on_device, torch.inference_mode(), torch.cuda.device(self.device):
            recording = self._recordings.get(len(rows))
            if recording is None:
                recording = self._recordings[len(rows)] = self._record(rows)
            for name, kept in recording.inputs.items():
                kept.copy_(torch.from_numpy(rows.tensors[name]))
            recording.graph.replay()
            recording.host.copy_(recording.given, non_blocking=True)
            torch.cuda.current_stream().synchronize()
            given: Given = recording.host.numpy().copy()  # the next batch writes there again
        return given

    def raw(self, rows: Rows) -> npt.NDArray[np.float32]:
        with _on_device, torch.inference_mode(), torch.cuda.device(self.device):
            return _numbers(_run(self.network, self.device, rows))  # with the kernels that a graph records

    @property
    def beside(self) -> int:
        """Bytes of the graphs: their inputs, and their pool, which no tensor shows."""
        kept = [tensor for each in self._recordings.values() for tensor in each.inputs.values()]
        with _on_device:
            segments = torch.cuda.memory_snapshot()  # type: ignore[no-untyped-call]
        pool = sum(each["total_size"] for each in segments if tuple(each["segment_pool_id"]) == tuple(self._pool))
        return pool + sum(tensor.nbytes for tensor in kept)

    def _record(self, rows: Rows) -> Recording:
        inputs = {name: torch.from_numpy(rows.tensors[name]).to(self.device).zero_() for name in rows.tensors}
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                _finished(_called(self.network, inputs))
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            given = _finished(_called(self.network, inputs))
        return Recording(graph, inputs, given, torch.empty_like(given, device="cpu").pin_memory())
