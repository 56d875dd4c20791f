"""Our loop: with the example's networks, or a recipe's own. Knows no store and no HTTP.

Shape suffixes: N images of the set, B batch, Z latent, C channels, H height, W width.
"""

import copy
import dataclasses
import time
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bench.training import example
from bench.unstored import unstored
from ganymede.schemas.specs import RunSpec, TrainConfig
from models.discriminator import DiscriminatorOutput
from models.resolution import resolve
from worker.hooks.reporting import Quiet
from worker.training.batches import Batches
from worker.training.execution import decide
from worker.training.methods import method_of
from worker.training.state import TrainState, new_state
from worker.training.trainer import Method, Trainer

ENDLESS = 1_000_000


class ExampleGenerator(nn.Module):
    """The example's, as our loop calls a generator."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = example.initialise(example.generator(channels))

    def forward(self, z_BZ: Tensor, label_B: Tensor | None = None) -> Tensor:  # noqa: ARG002
        image_BCHW: Tensor = self.layers(z_BZ[:, :, None, None])
        return image_BCHW


class ExampleDiscriminator(nn.Module):
    """The example's, as our loop calls a discriminator.

    Its batch norms go by the batch in every pass, as in the example. In the generator's step our loop sets the
    discriminator to eval mode; of our own discriminators that changes only that their power iterations rest.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = example.initialise(example.discriminator(channels))

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002
        return super().train(True)

    def forward(self, x_BCHW: Tensor, label_B: Tensor | None = None) -> DiscriminatorOutput:  # noqa: ARG002
        return DiscriminatorOutput(self.layers(x_BCHW).float().flatten())


class Timer(Quiet):
    """Counts steps after a warm-up, and ends the loop when the time is up."""

    def __init__(self, warm_up: int, seconds: float) -> None:
        self.warm_up, self.seconds = warm_up, seconds
        self.began, self.images, self.rate = 0.0, 0, 0.0

    def after_step(self, state: TrainState, is_last: bool) -> None:  # noqa: ARG002
        if state.step == self.warm_up:
            self.began, self.images = time.perf_counter(), state.images_seen
        elif state.step > self.warm_up and time.perf_counter() - self.began >= self.seconds:
            self.rate = (state.images_seen - self.images) / (time.perf_counter() - self.began)
            raise TimeUp


class TimeUp(Exception):
    """Enough was measured."""


def resized(images_NHWC: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """All pictures at another size, once: what an import does."""
    pictures = [
        Image.fromarray(image.squeeze()).resize((size, size), Image.Resampling.BILINEAR) for image in images_NHWC
    ]
    return np.stack([np.asarray(picture) for picture in pictures]).reshape(-1, size, size, images_NHWC.shape[3])


def prepare(
    recipe: str, images_NHWC: npt.NDArray[np.uint8], labels_N: npt.NDArray[np.int64], device: str, **config: Any
) -> tuple[TrainState, Method, Batches]:
    """A run of `recipe` as the worker begins one."""
    dataset = unstored("bench", images_NHWC.shape, np.bincount(labels_N).tolist())
    spec = RunSpec(recipe=recipe, dataset="bench", config=TrainConfig(steps=ENDLESS, **config))
    resolved = resolve(spec, dataset, device)
    execution = decide(device, resolved.precision)
    torch.set_num_threads(execution.threads)
    state = new_state(resolved, execution)
    labels = labels_N if state.num_classes else None
    batches = Batches(images_NHWC, labels, resolved.batch_size, resolved.seed, execution.torch_device)
    return state, method_of(resolved), batches


def prepare_example(
    images_NHWC: npt.NDArray[np.uint8], labels_N: npt.NDArray[np.int64], device: str, **config: Any
) -> tuple[TrainState, Method, Batches]:
    """A run with the example's networks, loss, batch, rates and size of pictures."""
    same: dict[str, Any] = {"batch_size": example.BATCH, "latent_dim": example.LATENT}
    same |= {"generator_lr": example.LEARNING_RATE, "discriminator_lr": example.LEARNING_RATE}
    same |= {"beta1": example.BETAS[0], "beta2": example.BETAS[1], "augment": "none"}
    state, method, batches = prepare(
        "dcgan", resized(images_NHWC, example.SIZE), labels_N, device, **{**same, **config}
    )
    return _with_networks_of_example(state), method, batches


def _with_networks_of_example(state: TrainState) -> TrainState:
    torch.manual_seed(0)
    channels = state.resolved.network.channels
    generator, counterpart = (
        network.to(state.execution.torch_device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for network in (ExampleGenerator(channels), ExampleDiscriminator(channels))
    )
    adam = [
        torch.optim.Adam(network.parameters(), example.LEARNING_RATE, example.BETAS, fused=True)
        for network in (generator, counterpart)
    ]
    return dataclasses.replace(
        state,
        generator=generator,
        counterpart=counterpart,
        ema=copy.deepcopy(generator).eval().requires_grad_(False),
        generator_optimizer=adam[0],
        counterpart_optimizer=adam[1],
    )


def images_per_second(run: tuple[TrainState, Method, Batches], warm_up: int, seconds: float) -> float:
    """Of the whole loop, reports included; hooks that write files are not there."""
    timer = Timer(warm_up, seconds)
    try:
        Trainer(*run, hooks=[timer]).fit()
    except TimeUp:
        return timer.rate
    raise AssertionError("the loop came to its end before the time was up")


def operations_per_image(run: tuple[TrainState, Method, Batches]) -> float:
    """Floating-point operations of a step, per image, as torch counts them: products of matrices and convolutions."""
    state, method, batches = run
    taken = batches.taken
    with FlopCounterMode(display=False) as counter:
        method.step(state, batches)
    return counter.get_total_flops() / (batches.taken - taken)
