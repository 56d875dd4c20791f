"""The classifier of a run, trained on its labels alone: what pictures without labels add is read against it.

Knows no run. Shape suffixes: B batch, K classes, C channels, H height, W width.
"""

import torch

from core.resolved import ResolvedConfig
from models.classifier import ClassDiscriminator, PictureClassifier
from models.networks import build_networks
from worker.training.batches import Labelled
from worker.training.execution import Execution
from worker.training.objectives import classification
from worker.training.optimizer import EagerAdam
from worker.training.randomness import Draws, Moment, Purpose, stream
from worker.training.scores.tick import Tick
from worker.training.semi_supervised import disturbance

MOST_STEPS = 2000


def num_steps(resolved: ResolvedConfig) -> int:
    """As many as the run makes, but not more than a few labels take to be learnt."""
    return min(resolved.steps, MOST_STEPS)


def train_supervised(
    resolved: ResolvedConfig, labelled: Labelled, execution: Execution, tick: Tick
) -> PictureClassifier:
    """Return the network that begins with the weights of the run, and learns by its rate, which falls to nothing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(resolved.seed)
        _, network = build_networks(resolved)
    assert isinstance(network, ClassDiscriminator)
    network.to(execution.torch_device)
    steps, betas = num_steps(resolved), (resolved.beta1, resolved.beta2)
    optimizer = EagerAdam(network.parameters(), resolved.discriminator_lr, betas, fused=True)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = resolved.discriminator_lr * (1 - step / steps)
        moment = Moment(resolved.seed, 0, step)
        picks, noise = (
            Draws(stream(moment, purpose, execution.torch_device)) for purpose in (Purpose.LABELLED, Purpose.LAYERS)
        )
        image_BCHW, label_B = labelled.at(picks.uniform(resolved.batch_size))
        with execution.autocast():
            named = network(image_BCHW, None, disturbance(noise))
        optimizer.zero_grad(set_to_none=True)
        classification(named.class_BK, label_B).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        tick()
    return network.published()
