"""What a run learns from: the batches of its dataset, and of a classifier the few pictures whose labels it is told.

Knows no network. Shape suffixes: N images of the set, M those whose labels are learnt from, H height, W width,
C channels.
"""

import torch

from core.media.images import Images
from core.resolved import SEMI_SUPERVISED, ResolvedConfig
from models.splits import Places, draw_labelled, split
from worker.training.batches import Batches, Labelled
from worker.training.scores.calibration import Labels
from worker.training.state import TrainState


def batches_of(state: TrainState, images_NHWC: Images, labels_N: Labels | None) -> Batches:
    """Return the batches of a run; where something classifies they leave out the pictures of its test. Of a classifier
    `state` gets the labelled."""
    resolved, device = state.resolved, state.execution.torch_device
    rules = (resolved.batch_size, resolved.seed, device, state.world.share)
    if not resolved.holds_out or labels_N is None:
        return Batches(images_NHWC, labels_N, *rules)
    if resolved.objective == SEMI_SUPERVISED and resolved.labels_per_class is not None:
        state.labelled = labelled_of(resolved, images_NHWC, labels_N, device)
    return Batches(images_NHWC, labels_N, *rules, split(len(labels_N)).learnt_N)


def labelled_of(resolved: ResolvedConfig, images_NHWC: Images, labels_N: Labels, device: torch.device) -> Labelled:
    """Return the pictures whose labels a run learns from."""
    places_M = labelled_places(resolved, labels_N)
    return Labelled(images_NHWC[places_M], labels_N[places_M], device)


def labelled_places(resolved: ResolvedConfig, labels_N: Labels) -> Places:
    learnt_N = split(len(labels_N)).learnt_N
    if resolved.labels_per_class is None:
        return learnt_N
    return draw_labelled(labels_N, learnt_N, resolved.labels_per_class, resolved.seed)
