"""Inception-v3 as FID is defined on it, from a file that the operator supplies. Knows no store and no run.

Heusel et al. 2017, arXiv 1706.08500: pictures resized to 299 px, features of the last pooling. The file is the port of
TensorFlow's weights of 2015 that pytorch-fid made, as safetensors: layers named as torchvision names them, 1,008
classes. That port pools otherwise than torchvision does: borders do not count, and the last block takes the maximum.

Shape suffixes: B images, H height, W width, C channels, D feature dimensions (2048).
"""

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import TrainingFailed
from core.media.images import Images
from models.shapes import without_weights
from worker.training.scores.extractor import Features, to_colour, to_pixels

NAME = "inception"
SIDE = 299
CLASSES = 1008  # of the weights of 2015; torchvision's own have 1,000, and distances of theirs are no FID
Kernel = int | tuple[int, int]


class Conv(nn.Module):
    """Convolution, batch norm, ReLU. Without a stride and unless told otherwise it keeps the size."""

    def __init__(self, inputs: int, outputs: int, kernel: Kernel = 1, stride: int = 1, pads: bool = True) -> None:
        super().__init__()
        sides = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        padding = (sides[0] // 2, sides[1] // 2) if pads and stride == 1 else (0, 0)
        self.conv = nn.Conv2d(inputs, outputs, sides, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, 1e-3)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x_BCHW)))


class Mixed(nn.Module):
    """Branches side by side: chains of convolutions, of which two may end in a fork, and one that begins by pooling."""

    chains: tuple[tuple[str, ...], ...]
    forks: dict[str, tuple[str, str]] = {}  # noqa: RUF012  # after the convolution of that name
    branch_pool: Conv  # after pooling
    pool: str  # "mean" and "max" keep the size, "half" halves it and is a branch of its own

    def forward(self, x_BCHW: Tensor) -> Tensor:
        branches = []
        for names in self.chains:
            h_BCHW = x_BCHW
            for name in names:
                h_BCHW = getattr(self, name)(h_BCHW)
            fork = self.forks.get(names[-1])
            branches += [getattr(self, end)(h_BCHW) for end in fork] if fork else [h_BCHW]
        if self.pool == "half":
            return torch.cat([*branches, F.max_pool2d(x_BCHW, 3, 2)], dim=1)
        if self.pool == "max":
            pooled_BCHW = F.max_pool2d(x_BCHW, 3, 1, 1)
        else:
            pooled_BCHW = F.avg_pool2d(x_BCHW, 3, 1, 1, count_include_pad=False)
        return torch.cat([*branches, self.branch_pool(pooled_BCHW)], dim=1)


class MixedA(Mixed):
    chains = (
        ("branch1x1",),
        ("branch5x5_1", "branch5x5_2"),
        ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
    )
    pool = "mean"

    def __init__(self, inputs: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = Conv(inputs, 64)
        self.branch5x5_1, self.branch5x5_2 = Conv(inputs, 48), Conv(48, 64, 5)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = Conv(inputs, 64), Conv(64, 96, 3)
        self.branch3x3dbl_3 = Conv(96, 96, 3)
        self.branch_pool = Conv(inputs, pooled)


class MixedB(Mixed):
    chains = (("branch3x3",), ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"))
    pool = "half"

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3 = Conv(288, 384, 3, stride=2)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = Conv(288, 64), Conv(64, 96, 3)
        self.branch3x3dbl_3 = Conv(96, 96, 3, stride=2)


class MixedC(Mixed):
    chains = (
        ("branch1x1",),
        ("branch7x7_1", "branch7x7_2", "branch7x7_3"),
        ("branch7x7dbl_1", "branch7x7dbl_2", "branch7x7dbl_3", "branch7x7dbl_4", "branch7x7dbl_5"),
    )
    pool = "mean"

    def __init__(self, inner: int) -> None:
        super().__init__()
        self.branch1x1 = Conv(768, 192)
        self.branch7x7_1, self.branch7x7_2 = Conv(768, inner), Conv(inner, inner, (1, 7))
        self.branch7x7_3 = Conv(inner, 192, (7, 1))
        self.branch7x7dbl_1, self.branch7x7dbl_2 = Conv(768, inner), Conv(inner, inner, (7, 1))
        self.branch7x7dbl_3, self.branch7x7dbl_4 = Conv(inner, inner, (1, 7)), Conv(inner, inner, (7, 1))
        self.branch7x7dbl_5 = Conv(inner, 192, (1, 7))
        self.branch_pool = Conv(768, 192)


class MixedD(Mixed):
    chains = (
        ("branch3x3_1", "branch3x3_2"),
        ("branch7x7x3_1", "branch7x7x3_2", "branch7x7x3_3", "branch7x7x3_4"),
    )
    pool = "half"

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1, self.branch3x3_2 = Conv(768, 192), Conv(192, 320, 3, stride=2)
        self.branch7x7x3_1, self.branch7x7x3_2 = Conv(768, 192), Conv(192, 192, (1, 7))
        self.branch7x7x3_3, self.branch7x7x3_4 = Conv(192, 192, (7, 1)), Conv(192, 192, 3, stride=2)


class MixedE(Mixed):
    chains = (("branch1x1",), ("branch3x3_1",), ("branch3x3dbl_1", "branch3x3dbl_2"))
    forks = {  # noqa: RUF012
        "branch3x3_1": ("branch3x3_2a", "branch3x3_2b"),
        "branch3x3dbl_2": ("branch3x3dbl_3a", "branch3x3dbl_3b"),
    }

    def __init__(self, inputs: int, pool: str) -> None:
        super().__init__()
        self.pool = pool
        self.branch1x1 = Conv(inputs, 320)
        self.branch3x3_1 = Conv(inputs, 384)
        self.branch3x3_2a, self.branch3x3_2b = Conv(384, 384, (1, 3)), Conv(384, 384, (3, 1))
        self.branch3x3dbl_1, self.branch3x3dbl_2 = Conv(inputs, 448), Conv(448, 384, 3)
        self.branch3x3dbl_3a, self.branch3x3dbl_3b = Conv(384, 384, (1, 3)), Conv(384, 384, (3, 1))
        self.branch_pool = Conv(inputs, 192)


class InceptionModule(nn.Module):
    """Pictures (B, 3, 299, 299) in [-1, 1] to features (B, 2048)."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Conv(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Conv(32, 32, 3, pads=False)
        self.Conv2d_2b_3x3 = Conv(32, 64, 3)
        self.Conv2d_3b_1x1 = Conv(64, 80)
        self.Conv2d_4a_3x3 = Conv(80, 192, 3, pads=False)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = MixedA(192, 32), MixedA(256, 64), MixedA(288, 64)
        self.Mixed_6a = MixedB()
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = map(MixedC, (128, 160, 160, 192))
        self.Mixed_7a = MixedD()
        self.Mixed_7b, self.Mixed_7c = MixedE(1280, "mean"), MixedE(2048, "max")
        self.fc = nn.Linear(2048, CLASSES)  # by its shape the weights are told from torchvision's; not used

    def forward(self, x_BCHW: Tensor) -> Tensor:
        h_BCHW = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x_BCHW)))
        h_BCHW = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(h_BCHW, 3, 2)))
        h_BCHW = F.max_pool2d(h_BCHW, 3, 2)
        for name, block in self.named_children():
            if name.startswith("Mixed"):
                h_BCHW = block(h_BCHW)
        return h_BCHW.mean(dim=(2, 3))


class Inception:
    """The extractor `inception`; FD of its features is FID."""

    name = NAME

    def __init__(self, path: Path | None, device: torch.device) -> None:
        """TrainingFailed if there is no file, or it holds other weights."""
        if path is None:
            message = "the extractor inception needs its weights: GANYMEDE_INCEPTION names no safetensors file"
            raise TrainingFailed("extractor_unusable", message, retryable=True)
        try:
            content = path.read_bytes()
            self._network = InceptionModule()
            self._network.load_state_dict(_without_extras(load(content)))
        except OSError as error:
            message = f"GANYMEDE_INCEPTION: {path.name} cannot be read: {error.strerror}"
            raise TrainingFailed("extractor_unusable", message, retryable=True) from None
        except (SafetensorError, RuntimeError) as error:
            message = f"GANYMEDE_INCEPTION: {path.name} does not hold the weights that FID is defined on: "
            message += " ".join(str(error).split())[:400]
            raise TrainingFailed("extractor_unusable", message, retryable=True) from None
        self._network.eval().requires_grad_(False)
        self._network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._device = device
        self.digest = hashlib.sha256(content).hexdigest()

    @torch.inference_mode()
    def __call__(self, images_BHWC: Images) -> Features:
        x_BCHW = to_colour(to_pixels(images_BHWC, self._device))
        x_BCHW = F.interpolate(x_BCHW, (SIDE, SIDE), mode="bilinear", align_corners=False)
        return Features(self._network(x_BCHW).cpu().numpy())


def _without_extras(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Drop the second classifier, used only in training, and counters that the port lacks."""
    with without_weights():
        names = [name for name in InceptionModule().state_dict() if name.endswith("num_batches_tracked")]
    counters = {name: torch.zeros((), dtype=torch.int64) for name in names}
    return counters | {name: tensor for name, tensor in weights.items() if not name.startswith("AuxLogits")}
