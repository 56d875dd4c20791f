"""One forward pass of a batch in a fixed shape: noise and labels in, pixels out. Knows no version and no queue.

On a CPU the network runs step by step, on the thread that calls. On a GPU each shape is recorded once as a CUDA graph
and replayed: one launch in the place of dozens.

Shape suffixes: B images of a batch, filled up to its shape; Z latent, H height, W width, C channels.
"""

import threading
import time
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from app.engine.batch import Batch, BatchResult
from core.images import Images
from core.images.png import write_png
from models.sampling import to_uint8

WARM_UPS = 3  # passes before a capture: cuDNN chooses its kernels and workspaces in them

_on_device = threading.Lock()  # a capture may not meet another thread's work on the same GPU


class Forward(Protocol):
    """Pixels (B, H, W, C) of noise (B, Z) and labels (B,), B being one of the shapes it was made for."""

    def __call__(self, z_BZ: npt.NDArray[np.float32], label_B: npt.NDArray[np.int64] | None) -> Images: ...

    @property
    def beside(self) -> int:
        """Bytes on the device beside the weights, kept for as long as this is."""
        ...

    def raw(self, z_BZ: npt.NDArray[np.float32], label_B: npt.NDArray[np.int64] | None) -> npt.NDArray[np.float32]:
        """The numbers (B, C, H, W) that pixels are rounded from: where they are equal, so is every picture."""
        ...


def padded(
    z_BZ: npt.NDArray[np.float32], label_B: npt.NDArray[np.int64] | None, bucket: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64] | None]:
    """A batch filled up with zeros to its shape."""
    count = len(z_BZ)
    if count == bucket:
        return z_BZ, label_B
    filled_BZ = np.zeros((bucket, z_BZ.shape[1]), np.float32)
    filled_BZ[:count] = z_BZ
    if label_B is None:
        return filled_BZ, None
    filled_B = np.zeros(bucket, np.int64)
    filled_B[:count] = label_B
    return filled_BZ, filled_B


def run_batch(forward: Forward, latent_dim: int, batch: Batch) -> BatchResult:
    """Draw a batch."""
    began = time.perf_counter()
    z_BZ = batch.latents.draw(slice(None), latent_dim)
    label_B = None if batch.labels is None else np.array(batch.labels, np.int64)
    image_BHWC = forward(*padded(z_BZ, label_B, batch.bucket))[: len(z_BZ)]
    infer_s = time.perf_counter() - began
    if not batch.as_files:
        return BatchResult(image_BHWC, infer_s)
    files = [write_png(image_HWC) for image_HWC in image_BHWC]
    return BatchResult(image_BHWC[:0], infer_s, files, time.perf_counter() - began - infer_s)


def give_back_gpu(device: torch.device) -> None:
    """Have PyTorch return to the GPU what no tensor and no graph holds any more; nothing on a CPU."""
    if device.type == "cuda":
        with _on_device, torch.cuda.device(device):
            torch.cuda.empty_cache()


class EagerForward:
    """On the CPU, or on a GPU without graphs. Any number of threads may call it at once."""

    beside = 0

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self.network, self.device = network, device

    def __call__(self, z_BZ: npt.NDArray[np.float32], label_B: npt.NDArray[np.int64] | None) -> Images:
        with torch.inference_mode():
            images: Images = to_uint8(_run(self.network, self.device, z_BZ, label_B)).cpu().numpy()
        return images

    def raw(self, z_BZ: npt.NDArray[np.float32], label_B: npt.NDArray[np.int64] | None) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            return _numbers(_run(self.network, self.device, z_BZ, label_B))


def _run(
    network: nn.Module,
    device: torch.device,
    z_BZ: npt.NDArray[np.float32],
    label_B: npt.NDArray[np.int64] | None,
) -> Tensor:
    labels = None if label_B is None else torch.from_numpy(label_B).to(device)
    images: Tensor = network(torch.from_numpy(z_BZ).to(device), labels)
    return images


def _numbers(image_BCHW: Tensor) -> npt.NDArray[np.float32]:
    numbers: npt.NDArray[np.float32] = image_BCHW.float().cpu().numpy()
    return numbers


@dataclass(frozen=True, slots=True)
class Recording:
    """A captured graph and the memory it reads and writes."""

    graph: torch.cuda.CUDAGraph
    z_BZ: Tensor
    label_B: Tensor | None
    image_BHWC: Tensor
    host_BHWC: Tensor  # pinned


class GraphForward:
    """On a CUDA device: one graph for each shape, recorded when the shape is first asked for."""

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self.network, self.device = network, device
        self._recordings: dict[int, Recording] = {}
        self._pool = torch.cuda.graph_pool_handle()  # shared: only one graph runs at a time

    def __call__(self, z_BZ: npt.NDArray[np.float32], label_B: npt.NDArray[np.int64] | None) -> Images:
        with _on_device, torch.inference_mode(), torch.cuda.device(self.device):
            recording = self._recordings.get(len(z_BZ))
            if recording is None:
                recording = self._recordings[len(z_BZ)] = self._record(len(z_BZ), z_BZ.shape[1], label_B is not None)
            recording.z_BZ.copy_(torch.from_numpy(z_BZ))
            if recording.label_B is not None:
                recording.label_B.copy_(torch.from_numpy(label_B))
            recording.graph.replay()
            recording.host_BHWC.copy_(recording.image_BHWC, non_blocking=True)
            torch.cuda.current_stream().synchronize()
            images: Images = recording.host_BHWC.numpy().copy()  # the next batch writes there again
        return images

    def raw(self, z_BZ: npt.NDArray[np.float32], label_B: npt.NDArray[np.int64] | None) -> npt.NDArray[np.float32]:
        with _on_device, torch.inference_mode(), torch.cuda.device(self.device):
            return _numbers(_run(self.network, self.device, z_BZ, label_B))  # with the kernels that a graph records

    @property
    def beside(self) -> int:
        """What the graphs hold: what they were given, and their pool, which no tensor shows."""
        kept = [tensor for each in self._recordings.values() for tensor in (each.z_BZ, each.label_B)]
        with _on_device:
            segments = torch.cuda.memory_snapshot()  # type: ignore[no-untyped-call]
        pool = sum(each["total_size"] for each in segments if tuple(each["segment_pool_id"]) == tuple(self._pool))
        return pool + sum(tensor.nbytes for tensor in kept if tensor is not None)

    def _record(self, size: int, latent_dim: int, is_conditional: bool) -> Recording:
        z_BZ = torch.zeros(size, latent_dim, device=self.device)
        label_B = torch.zeros(size, dtype=torch.int64, device=self.device) if is_conditional else None
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                to_uint8(self.network(z_BZ, label_B))
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            image_BHWC = to_uint8(self.network(z_BZ, label_B))
        return Recording(graph, z_BZ, label_B, image_BHWC, torch.empty_like(image_BHWC, device="cpu").pin_memory())
