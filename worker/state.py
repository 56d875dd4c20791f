"""All that training changes: networks, average, optimisers, counters; to a checkpoint and back, bit for bit.

`<branch>-<step>/` holds training.safetensors and training.json (private to the worker) and `generator/`, exactly what
a published version holds. Noise and batch order are functions of (seed, branch, step), so no generator state is kept.

Shape suffixes: B batch, Z latent.
"""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from core import files
from core.checkpoints import GENERATOR_FOLDER
from core.errors import StoreDamaged, TrainingFailed
from core.store import SCHEMA, check_files, list_files
from models import ARCHITECTURES
from models.recipes import network_config
from models.weights import WEIGHTS_FILE
from worker.batches import Position
from worker.execution import Execution

EMA_RAMP_UP = 0.05  # of the images seen: an early average must not remember the untrained network (StyleGAN2-ADA)
TENSORS_FILE, FACTS_FILE = "training.safetensors", "training.json"


@dataclass(kw_only=True)
class TrainState:
    """Networks on their device, and where training stands."""

    resolved: dict[str, Any]
    execution: Execution
    generator: nn.Module
    discriminator: nn.Module
    ema: nn.Module
    generator_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer
    branch: int = 0
    step: int = 0
    images_seen: int = 0
    position: Position = (0, 0)

    @property
    def num_classes(self) -> int:
        return int(self.resolved["network"]["num_classes"])

    def noise(self, count: int) -> Tensor:
        """The noise (B, Z) of the current step: a function of seed, branch and step."""
        generator = torch.Generator(self.execution.torch_device)
        # hashed: torch's CPU generator takes only the low 32 bits of its seed
        words = np.random.SeedSequence([self.resolved["seed"], self.branch, self.step]).generate_state(1, np.uint64)
        generator.manual_seed(int(words[0]) >> 1)
        shape = (count, self.resolved["latent_dim"])
        return torch.randn(shape, generator=generator, device=self.execution.torch_device)

    @torch.no_grad()
    def update_ema(self, batch_size: int) -> None:
        """Move the average towards the generator: half-life in images, shorter in the beginning."""
        half_life = min(self.resolved["ema_half_life"], self.images_seen * EMA_RAMP_UP)
        weight = 1 - 0.5 ** (batch_size / half_life) if half_life > 0 else 1.0
        averaged, current = list(self.ema.state_dict().values()), list(self.generator.state_dict().values())
        floating = [tensor.is_floating_point() for tensor in averaged]
        torch._foreach_lerp_(
            [tensor for tensor, is_float in zip(averaged, floating, strict=True) if is_float],
            [tensor for tensor, is_float in zip(current, floating, strict=True) if is_float],
            weight,
        )


def new_state(resolved: dict[str, Any], execution: Execution) -> TrainState:
    """Networks with weights drawn from the run's seed; the global random state is left alone."""
    architecture, config = ARCHITECTURES[resolved["architecture"]], network_config(resolved)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(resolved["seed"])
        generator, discriminator = architecture.generator(config), architecture.discriminator(config)
    generator, discriminator = (
        network.to(execution.torch_device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for network in (generator, discriminator)
    )
    ema = copy.deepcopy(generator).eval().requires_grad_(False)
    betas = (resolved["beta1"], resolved["beta2"])
    return TrainState(
        resolved=resolved,
        execution=execution,
        generator=generator,
        discriminator=discriminator,
        ema=ema,
        generator_optimizer=torch.optim.Adam(generator.parameters(), resolved["generator_lr"], betas, fused=True),
        discriminator_optimizer=torch.optim.Adam(
            discriminator.parameters(), resolved["discriminator_lr"], betas, fused=True
        ),
    )


def save_training(folder: Path, state: TrainState) -> None:
    """Write training.safetensors and training.json; `generator/`, which holds the average, is written beside them."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _tensors(state).items()}
    (folder / TENSORS_FILE).write_bytes(save(tensors))
    facts = {
        "schema": SCHEMA,
        "resolved": state.resolved,
        "branch": state.branch,
        "step": state.step,
        "images_seen": state.images_seen,
        "position": list(state.position),
        "files": list_files(folder, TENSORS_FILE),
    }
    files.write_json(folder / FACTS_FILE, facts)


def load_training(folder: Path, resolved: dict[str, Any], execution: Execution) -> TrainState:
    """The state a checkpoint holds.

    Raises:
        StoreDamaged: a file is missing, changed, or not what a checkpoint holds. A machine that is out of memory or
            without its GPU raises its own errors: the checkpoint is not to blame.
        TrainingFailed: it was made with another config; the message names what differs.
    """
    try:
        facts = files.read_json(folder / FACTS_FILE, SCHEMA)
        check_files(folder, facts["files"])
        manifest = files.read_json(folder / GENERATOR_FOLDER / "manifest.json", SCHEMA)
        check_files(folder / GENERATOR_FOLDER, manifest["files"])
        tensors = load_file(folder / TENSORS_FILE)
        average = load_file(folder / GENERATOR_FOLDER / WEIGHTS_FILE)
        epoch, taken = facts["position"]
        stored, marks = facts["resolved"], (facts["branch"], facts["step"], facts["images_seen"])
    except (FileNotFoundError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise StoreDamaged(f"checkpoint {folder.name} cannot be used: {str(error)[:300]}") from None
    if folder.name != f"{marks[0]}-{marks[1]}":
        raise StoreDamaged(f"checkpoint {folder.name} holds step {marks[1]} of branch {marks[0]}")
    _check_unchanged(stored, resolved)
    state = new_state(resolved, execution)
    state.branch, state.step, state.images_seen = marks
    state.position = (epoch, taken)
    try:
        state.ema.load_state_dict(average)
        _restore(state, tensors)
    except (KeyError, IndexError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise StoreDamaged(f"checkpoint {folder.name} does not fit its networks: {str(error)[:300]}") from None
    return state


def _check_unchanged(stored: dict[str, Any], resolved: dict[str, Any]) -> None:
    changed = sorted(key for key in stored.keys() | resolved.keys() if stored.get(key) != resolved.get(key))
    if changed:
        message = f"the checkpoint was made with another config: {', '.join(changed)} differ"
        raise TrainingFailed("internal", message, retryable=False)


def _parts(state: TrainState) -> list[tuple[str, nn.Module, torch.optim.Optimizer]]:
    return [
        ("generator", state.generator, state.generator_optimizer),
        ("discriminator", state.discriminator, state.discriminator_optimizer),
    ]


def _tensors(state: TrainState) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for part, network, optimizer in _parts(state):
        tensors |= {f"{part}.{name}": tensor for name, tensor in network.state_dict().items()}
        for index, slots in optimizer.state_dict()["state"].items():
            tensors |= {f"{part}_optimizer.{index}.{slot}": value for slot, value in slots.items()}
    return tensors


def _restore(state: TrainState, tensors: dict[str, Tensor]) -> None:
    for part, network, optimizer in _parts(state):
        network.load_state_dict({name: tensors[f"{part}.{name}"] for name in network.state_dict()})
        parameters = list(network.parameters())
        slots: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            owner, _, rest = name.partition(".")
            if owner == f"{part}_optimizer":
                index, _, slot = rest.partition(".")
                slots.setdefault(int(index), {})[slot] = _laid_out_like(parameters[int(index)], tensor)
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": slots, "param_groups": groups})


def _laid_out_like(parameter: Tensor, slot: Tensor) -> Tensor:
    """A moment with the memory format of its parameter: fused Adam walks both as flat memory."""
    return torch.empty_like(parameter).copy_(slot) if slot.shape == parameter.shape else slot
