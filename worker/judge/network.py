"""The judge's network: a small convolutional classifier of 28x28 digits. Knows nothing of files or scores.

Shape suffixes: B images, C channels (1), H and W 28, F features (64), K classes (10).
"""

import torch
from torch import Tensor, nn

SIZE = 28
CLASSES = 10
FEATURES = 64
PIXEL_MEAN = 0.1307
PIXEL_STD = 0.3081


class DigitClassifier(nn.Module):
    """Seven 3x3 convolutions at 28, 14 and 7 pixels, then 64 units whose ReLU outputs are the features."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            _convolution(1, 16),
            _convolution(16, 32, stride=2),
            _convolution(32, 48),
            _convolution(48, 48),
            _convolution(48, 96, stride=2),
            _convolution(96, 96),
            _convolution(96, 96),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
        )
        self.embedding = nn.Sequential(nn.Linear(96 * 16, FEATURES), nn.BatchNorm1d(FEATURES), nn.ReLU())
        self.head = nn.Linear(FEATURES, CLASSES)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's own types

    def forward(self, x_B1HW: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels in [0, 1] -> logits (B, K) and features (B, F), the features being >= 0."""
        h_B1HW = (x_B1HW - PIXEL_MEAN) / PIXEL_STD
        features_BF: Tensor = self.embedding(self.convolutions(h_B1HW))
        logits_BK: Tensor = self.head(features_BF)
        return logits_BK, features_BF


def count_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def to_pixels(images: Tensor) -> Tensor:
    """Convert uint8 (B, H, W) to float32 (B, 1, H, W) in [0, 1], channels last."""
    return (images.unsqueeze(1).float() / 255).contiguous(memory_format=torch.channels_last)


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )
