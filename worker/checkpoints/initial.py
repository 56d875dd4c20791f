"""The beginning of a run that starts from weights of another: what of them is taken. Knows no request."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from core.errors import StoreDamaged
from core.registry.manifest import MANIFEST_FILE
from core.runs import INIT_FOLDER, Run
from core.runs.checkpoints import FACTS_FILE, GENERATOR_FOLDER
from core.store import Listed, Record, check_files
from models.version import WEIGHTS_FILE
from worker.checkpoints.checkpointing import TENSORS_FILE
from worker.training.state import TrainState


def set_out(run: Run, state: TrainState) -> None:
    """Load the weights that a run starts from, if any, into its new networks.

    Of a checkpoint both networks and the average, of a version the published network alone, its own average. The
    optimisers know nothing yet. Weights whose shape depends on the number of classes stay new if that differs.
    Of several processes only the first writes the event.

    Raises:
        StoreDamaged: the run's copy of the weights is damaged.
    """
    init = run.spec().init
    if init is None:
        return
    folder = run.folder / INIT_FOLDER
    try:
        average = _checked(folder / GENERATOR_FOLDER, MANIFEST_FILE, WEIGHTS_FILE)
        has_both = (folder / TENSORS_FILE).exists()
        tensors = _checked(folder, FACTS_FILE, TENSORS_FILE) if has_both else {}
    except (FileNotFoundError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise StoreDamaged(f"the weights that {run.id} starts from cannot be read: {str(error)[:300]}") from None
    fresh = _put(state.generator, _part(tensors, "generator")) if has_both else _put(state.averaged, average)
    _put(state.ema, average)
    if init.counterpart == "kept":
        fresh += [f"counterpart.{name}" for name in _put(state.counterpart, _part(tensors, "counterpart"))]
    message = f"starts from {init.reference}; begun anew: {', '.join(fresh) or 'nothing'} of it"
    if init.counterpart == "fresh":
        other = "counterpart" if state.averaged is state.generator else "generator"
        message += f", and all of the {other}"
    event = {
        "action": "initialised",
        "message": message,
        **init.model_dump(),
        "branch": state.branch,
        "step": state.step,
        "fresh": fresh,
    }
    if state.world.is_first:
        run.log_event("action", event)


class Listing(Record):
    """The list of files in a manifest or training.json."""

    files: Listed


def _checked(folder: Path, listing: str, name: str) -> dict[str, Tensor]:
    check_files(folder, {name: Listing.read(folder / listing).files[name]})
    return load_file(folder / name)


def _part(tensors: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    return {name.removeprefix(f"{part}."): tensor for name, tensor in tensors.items() if name.startswith(f"{part}.")}


def _put(network: nn.Module, tensors: dict[str, Tensor]) -> list[str]:
    """Load the weights that fit; return the names of the others."""
    own = network.state_dict()
    if own.keys() != tensors.keys():
        raise StoreDamaged(f"these are not the weights of the network: {sorted(own.keys() ^ tensors.keys())[:5]}")
    fitting = {name: tensor for name, tensor in tensors.items() if tensor.shape == own[name].shape}
    network.load_state_dict(own | fitting)
    return sorted(own.keys() - fitting.keys())
