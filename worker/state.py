"""All that training changes: networks, average, optimisers, counters; to a checkpoint and back, bit for bit.

`<branch>-<step>/` holds training.safetensors and training.json (private to the worker) and `generator/`, exactly what
a published version holds. Random numbers, batch order and learning rates are functions of (seed, branch, step), so
nothing of them is kept.

Shape suffixes: B batch, Z latent.
"""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from core import files
from core.checkpoints import GENERATOR_FOLDER
from core.errors import StoreDamaged, TrainingFailed
from core.store import SCHEMA, check_files, list_files
from models.networks import build_networks
from models.weights import WEIGHTS_FILE
from worker.augmentation import augmentation_of
from worker.batches import Batches, Position
from worker.execution import Execution
from worker.randomness import Moment, Purpose, stream
from worker.schedules import SCHEDULES

EMA_RAMP_UP = 0.05  # of the images seen: an early average must not remember the untrained network (StyleGAN2-ADA)
TENSORS_FILE, FACTS_FILE = "training.safetensors", "training.json"

Reported = dict[str, Tensor]  # scalars of one step, on the device


@dataclass(kw_only=True)
class TrainState:
    """Networks on their device, and where training stands."""

    resolved: dict[str, Any]
    execution: Execution
    generator: nn.Module
    counterpart: nn.Module  # what the generator learns from: a discriminator, or the encoder of a VAE
    ema: nn.Module
    generator_optimizer: torch.optim.Optimizer
    counterpart_optimizer: torch.optim.Optimizer
    augmentation: Tensor  # (3,): what worker/augmentation.py keeps
    branch: int = 0
    step: int = 0
    images_seen: int = 0
    position: Position = (0, 0)

    @property
    def num_classes(self) -> int:
        return int(self.resolved["network"]["num_classes"])

    @property
    def steps(self) -> int:
        return int(self.resolved["steps"])

    def take(self, batches: Batches) -> tuple[Tensor, Tensor | None]:
        """The next real images (B, C, H, W) and, for conditional networks alone, their labels (B,)."""
        real_BCHW, label_B = batches.next()
        return real_BCHW, label_B if self.num_classes else None

    def noise(self, count: int, update: int = 0) -> Tensor:
        """Standard normal noise (B, Z) of the current step."""
        return self._normal(Purpose.NOISE, count, update)

    def posterior_noise(self, count: int) -> Tensor:
        """Standard normal noise (B, Z) by which a VAE samples its posterior in the current step."""
        return self._normal(Purpose.POSTERIOR, count)

    def mixing(self, count: int, update: int = 0) -> Tensor:
        """Numbers (B,) of U(0, 1) of the current step."""
        return torch.rand(count, generator=self._stream(Purpose.MIXING, update), device=self.execution.torch_device)

    def augmenting(self, update: int) -> torch.Generator:
        """The numbers by which pictures are augmented in the current step."""
        return self._stream(Purpose.AUGMENTATION, update)

    def _normal(self, purpose: Purpose, count: int, update: int = 0) -> Tensor:
        shape = (count, self.resolved["latent_dim"])
        return torch.randn(shape, generator=self._stream(purpose, update), device=self.execution.torch_device)

    def _stream(self, purpose: Purpose, update: int) -> torch.Generator:
        moment = Moment(self.resolved["seed"], self.branch, self.step, update)
        return stream(moment, purpose, self.execution.torch_device)

    def set_rates(self) -> None:
        """The learning rates of the current step."""
        factor = SCHEDULES[self.resolved["lr_schedule"]](self.step / self.steps)
        for optimizer, rate in (
            (self.generator_optimizer, self.resolved["generator_lr"]),
            (self.counterpart_optimizer, self.resolved["discriminator_lr"]),
        ):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor

    @torch.no_grad()
    def update_ema(self, images: int) -> None:
        """Move the average towards the generator: half-life in images, shorter in the beginning."""
        half_life = min(self.resolved["ema_half_life"], self.images_seen * EMA_RAMP_UP)
        weight = 1 - 0.5 ** (images / half_life) if half_life > 0 else 1.0
        averaged, current = list(self.ema.state_dict().values()), list(self.generator.state_dict().values())
        floating = [tensor.is_floating_point() for tensor in averaged]
        torch._foreach_lerp_(
            [tensor for tensor, is_float in zip(averaged, floating, strict=True) if is_float],
            [tensor for tensor, is_float in zip(current, floating, strict=True) if is_float],
            weight,
        )


def new_state(resolved: dict[str, Any], execution: Execution) -> TrainState:
    """Networks with weights drawn from the run's seed; the global random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(resolved["seed"])
        generator, counterpart = build_networks(resolved)
    generator, counterpart = (
        network.to(execution.torch_device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for network in (generator, counterpart)
    )
    betas = (resolved["beta1"], resolved["beta2"])
    return TrainState(
        resolved=resolved,
        execution=execution,
        generator=generator,
        counterpart=counterpart,
        ema=copy.deepcopy(generator).eval().requires_grad_(False),
        generator_optimizer=torch.optim.Adam(generator.parameters(), resolved["generator_lr"], betas, fused=True),
        counterpart_optimizer=torch.optim.Adam(
            counterpart.parameters(), resolved["discriminator_lr"], betas, fused=True
        ),
        augmentation=augmentation_of(resolved).begin(execution.torch_device),
    )


def descend(loss: Tensor, *optimizers: torch.optim.Optimizer) -> None:
    """One step of each optimizer down the gradient of `loss`."""
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    for optimizer in optimizers:
        optimizer.step()


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
        "augmentation": state.augmentation.tolist(),
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
        augmentation = torch.tensor(facts.get("augmentation", [0.0, 0.0, 0.0]))  # an earlier build has none
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
        state.augmentation.copy_(augmentation)
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
        ("counterpart", state.counterpart, state.counterpart_optimizer),
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
