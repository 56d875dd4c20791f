"""`python -m worker.linear_probe STORE RUN BRANCH-STEP`: what a discriminator's features know of the classes.

As Radford et al. 2015 (arXiv 1511.06434, section 5.1) have it: each layer of the discriminator, or of the encoder of a
VAE, is pooled to a small grid by its maximum, and a linear classifier learns from all of them; here by multinomial
logistic regression, where they have an SVM. The answer is a line of JSON on stdout: scores, or why there are none.

The process stands back behind all others, and ends at once when its stdin is closed. It changes nothing.

Shape suffixes: N pictures, B batch, D numbers of a picture, K classes, C channels, H height, W width.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from core.datasets import Dataset, DatasetStore
from core.errors import GanymedeError, InvalidRequest
from core.machine.lifeline import end_with_the_parent
from core.media.images import Images
from core.resolved import ResolvedConfig
from core.runs import RunStore
from core.runs.checkpoints import find_checkpoint
from core.store import Store
from ganymede.schemas.classification import LinearProbeScores
from models.classifier import WeightNormLinear
from models.networks import build_networks
from models.splits import Places, split
from worker.checkpoints.checkpointing import TENSORS_FILE
from worker.training.batches import as_floats
from worker.training.scores.calibration import Labels, wilson

NICENESS = 10
BATCH = 128
MOST_LEARNT = 4000  # pictures
MOST_FEATURES = 1 << 14
GRIDS = (4, 2, 1)  # the first that gives no more numbers
SLOPE = 0.2  # of LeakyReLU behind a layer
PENALTIES = (1e-3, 1e-2, 1e-1)
ITERATIONS = 60


def probe(store: Store, run_id: str, step: str) -> LinearProbeScores:
    """Return the scores of a checkpoint; InvalidRequest where its dataset has no classes."""
    run = RunStore(store).get(run_id)
    facts, checkpoint = run.spec().dataset, find_checkpoint(run, step)
    dataset = DatasetStore(store).get(facts.name, facts.version)
    labels_N = dataset.labels()
    if labels_N is None or len(dataset.class_names) < 2:
        raise InvalidRequest.field("/dataset", f"{dataset.name!r} has no classes that could be told")
    network = _counterpart(checkpoint.folder, checkpoint.resolved())
    return scored(network, dataset, labels_N)


def scored(network: nn.Module, dataset: Dataset, labels_N: Labels) -> LinearProbeScores:
    """Learn from some pictures, choose the penalty by others, and test by others again."""
    images_NHWC, parts = dataset.images(), split(len(labels_N))
    learnt_N = np.random.default_rng(0).permutation(parts.learnt_N)[:MOST_LEARNT]
    grid = _grid_of(network, images_NHWC[:1])
    places = (learnt_N, parts.held_out_N, parts.test_N)
    learnt, held_out, test = (features(network, images_NHWC, at, grid) for at in places)
    mean_D, deviation_D = learnt.mean(dim=0), learnt.std(dim=0).clamp_min(1e-6)
    learnt, held_out, test = ((part - mean_D) / deviation_D for part in (learnt, held_out, test))
    label_N = torch.from_numpy(labels_N[learnt_N])
    found = {l2: _fitted(learnt, label_N, len(dataset.class_names), l2) for l2 in PENALTIES}
    best = max(PENALTIES, key=lambda l2: _num_right(found[l2], held_out, labels_N[parts.held_out_N]))
    right = _num_right(found[best], test, labels_N[parts.test_N])
    low, high = wilson(right, len(test))
    return LinearProbeScores(
        accuracy=right / len(test),
        accuracy_low=low,
        accuracy_high=high,
        tested=len(test),
        learnt=len(learnt),
        features=learnt.shape[1],
        grid=grid,
        l2=best,
    )


@torch.inference_mode()
def features(network: nn.Module, images_NHWC: Images, places_N: Places, grid: int) -> Tensor:
    """Return the pooled outputs (N, D) of every layer of the trunk."""
    parts = []
    for start in range(0, len(places_N), BATCH):
        part_BHWC = images_NHWC[places_N[start : start + BATCH]]
        parts.append(_pooled(network, as_floats(torch.from_numpy(part_BHWC)), grid))
    return torch.cat(parts)


def _pooled(network: nn.Module, x_BCHW: Tensor, grid: int) -> Tensor:
    found: list[Tensor] = []

    def keep(_layer: nn.Module, _given: object, output: Tensor) -> None:
        output = F.leaky_relu(output.float(), SLOPE)
        found.append((F.adaptive_max_pool2d(output, grid) if output.dim() == 4 else output).flatten(1))

    trunk: Any = network.trunk
    layers = [each for each in trunk.modules() if isinstance(each, nn.Conv2d | nn.Linear | WeightNormLinear)]
    hooks = [layer.register_forward_hook(keep) for layer in layers]
    try:
        planes = getattr(network, "num_planes", 0)  # of the label, which is not told
        trunk(F.pad(x_BCHW, (0, 0, 0, 0, 0, planes)))
    finally:
        for hook in hooks:
            hook.remove()
    return torch.cat(found, dim=1)


def _grid_of(network: nn.Module, images_NHWC: Images) -> int:
    x_BCHW = as_floats(torch.from_numpy(images_NHWC.copy()))
    with torch.inference_mode():
        sizes = {grid: _pooled(network, x_BCHW, grid).shape[1] for grid in GRIDS}
    return next((grid for grid in GRIDS if sizes[grid] <= MOST_FEATURES), GRIDS[-1])


def _fitted(x_ND: Tensor, label_N: Tensor, num_classes: int, l2: float) -> nn.Linear:
    """Minimise the cross-entropy, and l2 / 2 of the squared weights, by L-BFGS; it begins with zeros."""
    layer = nn.Linear(x_ND.shape[1], num_classes)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(layer(x_ND), label_N) + l2 / 2 * layer.weight.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return layer


@torch.inference_mode()
def _num_right(layer: nn.Linear, x_ND: Tensor, label_N: Labels) -> int:
    return int((layer(x_ND).argmax(dim=1).numpy() == label_N).sum())


def _counterpart(folder: Path, resolved: ResolvedConfig) -> nn.Module:
    """Build the discriminator or encoder of a checkpoint, on the CPU and in eval mode."""
    _, network = build_networks(resolved)
    tensors = load_file(folder / TENSORS_FILE)
    network.load_state_dict({name: tensors[f"counterpart.{name}"] for name in network.state_dict()})
    return network.eval().requires_grad_(False)


def main(arguments: Sequence[str]) -> None:
    end_with_the_parent()
    os.nice(NICENESS)
    root, run_id, step = arguments
    try:
        said = probe(Store(Path(root)), run_id, step).model_dump_json()
    except InvalidRequest as error:
        said = json.dumps({"refused": str(error)})
    except (GanymedeError, FileNotFoundError, KeyError, RuntimeError) as error:
        said = json.dumps({"failed": str(error)[:300]})
    sys.stdout.write(f"{said}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
