"""`python -m tests.worker.processes.replica MEETING RANK SIZE FOLDER RUN...`: trains runs as one of several processes.

It writes down all that it has at the end of each.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from core.datasets import DatasetStore
from core.runs import Run, RunStore
from core.settings import load_settings
from core.store import Store
from worker.checkpoints.checkpointing import _tensors
from worker.hooks.reporting import Together
from worker.training.batches import Batches
from worker.training.distributed import World, joined
from worker.training.execution import Execution
from worker.training.methods import method_of
from worker.training.state import TrainState, new_state
from worker.training.trainer import Trainer

CPU = Execution(device="cpu", precision="float32", threads=1)


def trained(run: Run, world: World) -> TrainState:
    resolved, dataset = run.spec().resolved, DatasetStore(run.store).get(run.spec().dataset.name)
    state = new_state(resolved, CPU, world)
    rules = (resolved.batch_size, resolved.seed, torch.device("cpu"), world.share)
    batches = Batches(dataset.images(), dataset.labels(), *rules)
    Trainer(state, method_of(resolved), batches, [Together(world, [])]).fit()
    return state


def main(meeting: Path, rank: int, size: int, folder: Path, names: list[str]) -> None:
    torch.set_num_threads(1)
    runs = RunStore(Store(load_settings().store_path))
    with joined(World(rank, size), meeting, torch.device("cpu")) as world:
        for name in names:
            state = trained(runs.get(name), world)
            average = {f"ema.{name}": tensor for name, tensor in state.ema.state_dict().items()}
            average["augmentation"] = state.augmentation
            tensors = {name: tensor.contiguous() for name, tensor in (_tensors(state) | average).items()}
            save_file(tensors, folder / f"{name}-{rank}.safetensors")
    assert "torch._dynamo" not in sys.modules, "a compiler was loaded, which takes as long as the rest of torch"


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), sys.argv[5:])
