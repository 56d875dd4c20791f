"""A small classifier of one labelled dataset, and how it is trained. Its features are what images are compared by.

Knows no store and no run. Shape suffixes: N images of the set, L learnt, M held out, B batch, C channels,
H height, W width, F features, K classes.
"""

import hashlib
import logging

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional as F

from core.media.images import Images
from worker.training.execution import Execution
from worker.training.optimizer import EagerAdam
from worker.training.scores.extractor import Features, to_pixels
from worker.training.scores.tick import Tick

NAME = "classifier"
BUILD = "classifier-1"  # another one after any change by which the same dataset gives other weights
LARGEST = 64  # pixels a side; larger pictures are shrunk to half, a quarter ... by the mean
FEATURES = 64
WIDTHS = (32, 64, 96)
BATCH, READ_BATCH = 128, 500
PEAK_LR, WEIGHT_DECAY = 4e-3, 0.02
IMAGES_TO_SEE, EPOCHS = 40_000, (3, 30)  # few images are seen more often
MOST_LEARNT = 50_000  # images
HELD_OUT, MOST_HELD_OUT = 0.1, 2000  # a share, and at most so many

log = logging.getLogger(__name__)

Classes = NDArray[np.int64]


class ClassifierModule(nn.Module):
    """3x3 convolutions down to 4 to 7 pixels a side, then 64 units whose ReLU outputs are the features."""

    def __init__(self, image_size: int, channels: int, num_classes: int) -> None:
        super().__init__()
        self.shrink = -(-image_size // LARGEST)
        size, inputs = image_size // self.shrink, 16
        stride = 2 if size >= 28 else 1  # most of the time would go into the finest level
        layers, size = _convolution(channels, inputs, stride), -(-size // stride)
        for width in WIDTHS:
            layers += _convolution(inputs, width)
            inputs = width
            if size <= 7:
                break
            layers, size = layers + _convolution(width, width, stride=2), -(-size // 2)
        side = min(size, 4)
        self.convolutions = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(side), nn.Flatten())
        self.embedding = nn.Linear(inputs * side**2, FEATURES, bias=False)
        self.normalisation = nn.BatchNorm1d(FEATURES)
        self.head = nn.Linear(FEATURES, num_classes)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's own types

    def forward(self, x_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Map pixels in [-1, 1] to features (B, F) >= 0 and logits (B, K)."""
        h_BCHW = F.avg_pool2d(x_BCHW, self.shrink) if self.shrink > 1 else x_BCHW
        features_BF = F.relu(self.normalisation(self.embedding(self.convolutions(h_BCHW))))
        return features_BF, self.head(features_BF)


def _convolution(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


class Classifier:
    """The extractor `classifier`: features of the last layer but one, and the class an image is read as."""

    name = NAME

    def __init__(self, weights: bytes, image_size: int, channels: int, num_classes: int, device: torch.device) -> None:
        """`weights`: from train(); RuntimeError for those of another network."""
        network = ClassifierModule(image_size, channels, num_classes)
        network.load_state_dict(load(weights))
        self._network, self._device = network.to(device).eval().requires_grad_(False), device
        self.digest = hashlib.sha256(weights).hexdigest()

    @torch.inference_mode()
    def __call__(self, images_BHWC: Images) -> Features:
        features_BF, logits_BK = self._network(to_pixels(images_BHWC, self._device))
        return Features(features_BF.cpu().numpy(), logits_BK.argmax(dim=1).cpu().numpy())


def train(
    images_NHWC: Images, labels_N: Classes, num_classes: int, execution: Execution, tick: Tick
) -> tuple[bytes, float]:
    """Train; return safetensors and held-out accuracy, equal on equal CPUs. Leaves the global random state alone."""
    learnt_L, held_out_M = split(len(images_NHWC))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = ClassifierModule(images_NHWC.shape[1], images_NHWC.shape[3], num_classes).to(execution.torch_device)
    epochs, size = _plan(len(learnt_L))
    optimizer = EagerAdam(
        network.parameters(), PEAK_LR, weight_decay=WEIGHT_DECAY, decoupled_weight_decay=True, fused=True
    )
    steps = epochs * (len(learnt_L) // size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LR, total_steps=steps, pct_start=0.2)
    draws = np.random.default_rng(0)
    for epoch in range(epochs):
        order_L = draws.permutation(learnt_L)
        for start in range(0, len(order_L) - size + 1, size):  # whole batches only
            index_B = np.sort(order_L[start : start + size])  # images are read from disk
            x_BCHW = _shifted(to_pixels(images_NHWC[index_B], execution.torch_device), draws)
            label_B = torch.from_numpy(labels_N[index_B]).to(execution.torch_device)
            with execution.autocast():
                _, logits_BK = network(x_BCHW)
            loss = F.cross_entropy(logits_BK.float(), label_B)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            tick()
        log.info("classifier of the dataset: epoch %d of %d, loss %.3f", epoch + 1, epochs, loss.item())
    network.eval()
    accuracy = _accuracy(network, images_NHWC, labels_N, held_out_M, tick)
    return save({name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}), accuracy


def num_ticks(count: int) -> int:
    """Return how often train() calls `tick` for so many images."""
    learnt, held_out = map(len, split(count))
    epochs, size = _plan(learnt)
    return epochs * (learnt // size) - (-held_out // READ_BATCH)


def _plan(learnt: int) -> tuple[int, int]:
    """Return how often each image is seen, and the batch size."""
    return int(np.clip(round(IMAGES_TO_SEE / learnt), *EPOCHS)), min(BATCH, learnt)


def split(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return indices of the images to learn from, and of those held out: a tenth, 1 to 2,000."""
    order_N = np.random.default_rng(0).permutation(count)
    held_out = max(1, min(int(count * HELD_OUT), MOST_HELD_OUT))
    return order_N[held_out : held_out + MOST_LEARNT], order_N[:held_out]


def _shifted(x_BCHW: Tensor, draws: np.random.Generator) -> Tensor:
    """Move a batch by up to a fourteenth of its size, 2 pixels of 28, so that position means nothing."""
    size = x_BCHW.shape[-1]
    reach = size // 14
    if reach == 0:
        return x_BCHW
    top, left = draws.integers(0, 2 * reach, 2, endpoint=True).tolist()
    padded_BCHW = F.pad(x_BCHW, (reach,) * 4, mode="replicate")
    return padded_BCHW[:, :, top : top + size, left : left + size].contiguous(memory_format=torch.channels_last)


@torch.inference_mode()
def _accuracy(
    network: ClassifierModule, images_NHWC: Images, labels_N: Classes, index_M: NDArray[np.int64], tick: Tick
) -> float:
    right, device = 0, next(network.parameters()).device
    for start in range(0, len(index_M), READ_BATCH):
        index_B = np.sort(index_M[start : start + READ_BATCH])
        _, logits_BK = network(to_pixels(images_NHWC[index_B], device))
        right += int((logits_BK.argmax(dim=1).cpu().numpy() == labels_N[index_B]).sum())
        tick()
    return right / len(index_M)
