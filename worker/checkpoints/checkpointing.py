"""A training state to a checkpoint and back, bit for bit. Knows no run and no loop.

`<branch>-<step>/` holds training.safetensors and training.json (private to the worker) and `generator/`, exactly what
a published version holds.
"""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from core.errors import StoreDamaged, TrainingFailed
from core.registry import VersionManifest
from core.registry.manifest import MANIFEST_FILE
from core.resolved import ResolvedConfig
from core.runs.checkpoints import GENERATOR_FOLDER
from core.store import check_files, list_files
from models.version import WEIGHTS_FILE
from worker.checkpoints.record import TrainingRecord
from worker.training.distributed import ALONE, World
from worker.training.execution import Execution
from worker.training.state import TrainState, new_state

TENSORS_FILE = "training.safetensors"


def save_training(folder: Path, state: TrainState) -> None:
    """Write training.safetensors and training.json; the caller writes `generator/`, the average, beside them."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _tensors(state).items()}
    (folder / TENSORS_FILE).write_bytes(save(tensors))
    TrainingRecord.of(state, list_files(folder, TENSORS_FILE)).write(folder)


def load_training(folder: Path, resolved: ResolvedConfig, execution: Execution, world: World = ALONE) -> TrainState:
    """Return the state of a checkpoint; raises what `restore` does."""
    state = new_state(resolved, execution, world)
    restore(state, folder)
    return state


def restore(state: TrainState, folder: Path) -> None:
    """Load a checkpoint into the existing networks of `state`, so that no second ones need room.

    Raises:
        StoreDamaged: a file is missing, changed, or not what a checkpoint holds. A machine that is out of memory or
            without its GPU raises its own errors: the checkpoint is not to blame.
        TrainingFailed: it was made with another config; the message names what differs.
    """
    try:
        record = TrainingRecord.read(folder)
        check_files(folder, record.files)
        generator = folder / GENERATOR_FOLDER
        check_files(generator, VersionManifest.read(generator / MANIFEST_FILE).files)
        tensors = load_file(folder / TENSORS_FILE)
        average = load_file(folder / GENERATOR_FOLDER / WEIGHTS_FILE)
    except (FileNotFoundError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise StoreDamaged(f"checkpoint {folder.name} cannot be used: {str(error)[:300]}") from None
    if folder.name != f"{record.branch}-{record.step}":
        raise StoreDamaged(f"checkpoint {folder.name} holds step {record.step} of branch {record.branch}")
    _check_unchanged(record.resolved, state.settled)
    state.confusion = None
    state.branch, state.step, state.images_seen = record.branch, record.step, record.images_seen
    state.position, state.lr_scale, state.best = record.position, record.lr_scale, record.best_beside(folder)
    state.without_better = record.without_better
    state.go_on_with(record.rollbacks)
    state.broken.zero_()
    try:
        state.augmentation.copy_(torch.tensor(record.augmentation))
        state.ema.load_state_dict(average)
        _restore(state, tensors)
    except (KeyError, IndexError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise StoreDamaged(f"checkpoint {folder.name} does not fit its networks: {str(error)[:300]}") from None


def _check_unchanged(stored: ResolvedConfig, now: ResolvedConfig) -> None:
    before, after = stored.to_json(), now.to_json()
    changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
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
    """Give a moment the memory format of its parameter: fused Adam walks both as flat memory."""
    return torch.empty_like(parameter).copy_(slot) if slot.shape == parameter.shape else slot
