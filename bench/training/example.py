"""The loop that most people start from: that of PyTorch's public DCGAN example, written from what it does.

https://github.com/pytorch/examples/tree/main/dcgan (BSD-3-Clause), option `--dataset mnist`: 64 px, networks of width
64, batch 64, Adam 2e-4 with beta1 0.5, BCE on probabilities, a DataLoader of two workers that resize each picture,
float32.
Knows nothing of ours.

Shape suffixes: N images of the set, B batch, Z latent, C channels, H height, W width.
"""

import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

SIZE, LATENT, WIDTH, BATCH = 64, 100, 64, 64
LEARNING_RATE, BETAS = 2e-4, (0.5, 0.999)
WORKERS = 2


def generator(channels: int) -> nn.Sequential:
    """Noise (B, Z, 1, 1) to images (B, C, 64, 64)."""
    layers: list[nn.Module] = []
    widths = [LATENT, WIDTH * 8, WIDTH * 4, WIDTH * 2, WIDTH]
    for i, (before, after) in enumerate(pairwise(widths)):
        stride, padding = (1, 0) if i == 0 else (2, 1)
        layers += [nn.ConvTranspose2d(before, after, 4, stride, padding, bias=False)]
        layers += [nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.ConvTranspose2d(WIDTH, channels, 4, 2, 1, bias=False), nn.Tanh())


def discriminator(channels: int) -> nn.Sequential:
    """Images (B, C, 64, 64) to logits (B, 1, 1, 1); the example's sigmoid is applied in its loop."""
    layers: list[nn.Module] = [nn.Conv2d(channels, WIDTH, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)]
    for before, after in ((1, 2), (2, 4), (4, 8)):
        layers += [nn.Conv2d(WIDTH * before, WIDTH * after, 4, 2, 1, bias=False)]
        layers += [nn.BatchNorm2d(WIDTH * after), nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(WIDTH * 8, 1, 4, 1, 0, bias=False))


def initialise(network: nn.Module) -> nn.Module:
    """N(0, 0.02) for convolutions, N(1, 0.02) for batch norms."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
    return network


class Resized(Dataset[Tensor]):
    """Resize, ToTensor and Normalize of each picture when it is asked for."""

    def __init__(self, images_NHWC: npt.NDArray[np.uint8]) -> None:
        self.images_NHWC = images_NHWC

    def __len__(self) -> int:
        return len(self.images_NHWC)

    def __getitem__(self, index: int) -> Tensor:
        picture = Image.fromarray(self.images_NHWC[index].squeeze()).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        pixels = np.asarray(picture)
        pixels_HWC = pixels[..., None] if pixels.ndim == 2 else pixels
        return torch.from_numpy(pixels_HWC.copy()).permute(2, 0, 1).float().div(255).sub(0.5).div(0.5)


class Example:
    """Networks and optimisers as the example sets them up, and its step."""

    def __init__(self, channels: int, device: str) -> None:
        self.net_g = initialise(generator(channels)).to(device)
        self.net_d = initialise(discriminator(channels)).to(device)
        self.optimizer_d = torch.optim.Adam(self.net_d.parameters(), lr=LEARNING_RATE, betas=BETAS)
        self.optimizer_g = torch.optim.Adam(self.net_g.parameters(), lr=LEARNING_RATE, betas=BETAS)
        self.criterion = nn.BCELoss()

    def step(self, real_BCHW: Tensor, noise_BZ11: Tensor) -> list[float]:
        """One update of each network; what the example prints: three mean scores and two losses."""
        self.net_d.zero_grad()
        label_B = torch.full((len(real_BCHW),), 1.0, device=real_BCHW.device)
        output_B = self.net_d(real_BCHW).sigmoid().view(-1)
        loss_real = self.criterion(output_B, label_B)
        loss_real.backward()
        shown = [output_B.mean().item()]
        fake_BCHW = self.net_g(noise_BZ11)
        label_B.fill_(0.0)
        output_B = self.net_d(fake_BCHW.detach()).sigmoid().view(-1)
        loss_fake = self.criterion(output_B, label_B)
        loss_fake.backward()
        shown.append(output_B.mean().item())
        self.optimizer_d.step()
        self.net_g.zero_grad()
        label_B.fill_(1.0)
        output_B = self.net_d(fake_BCHW).sigmoid().view(-1)
        loss_g = self.criterion(output_B, label_B)
        loss_g.backward()
        shown += [output_B.mean().item(), (loss_real + loss_fake).item(), loss_g.item()]
        self.optimizer_g.step()
        return shown


def steps(images_NHWC: npt.NDArray[np.uint8], device: str) -> Iterator[int]:
    """Train for ever; yields the images of each step."""
    torch.manual_seed(0)
    trained = Example(images_NHWC.shape[3], device)
    loader: DataLoader[Any] = DataLoader(Resized(images_NHWC), batch_size=BATCH, shuffle=True, num_workers=WORKERS)
    while True:
        for loaded_BCHW in loader:
            real_BCHW = loaded_BCHW.to(device)
            trained.step(real_BCHW, torch.randn(len(real_BCHW), LATENT, 1, 1, device=device))
            yield len(real_BCHW)


def images_per_second(images_NHWC: npt.NDArray[np.uint8], warm_up: int, seconds: float, device: str) -> float:
    """Of the loop, after `warm_up` steps."""
    endless, done = steps(images_NHWC, device), 0
    for _ in range(warm_up):
        next(endless)
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        done += next(endless)
    return done / (time.perf_counter() - began)
