"""How what several processes learnt compares with what one learnt of the same batches."""

import json
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from core.runs import Run
from core.runs.checkpoints import list_checkpoints

# Of a loss of about 1, over some steps: sums are made in another order. At ten times the learning rate the steps of a
# GAN are chaotic, and one process with another number of threads ends as far off as two processes do.
TOLERANCE, RATE = 1e-5, 2e-4

NUMBERS = ("d_loss", "g_loss", "penalty", "d_real", "d_fake", "g_gradient", "d_gradient", "r_t")


def points(run: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run.metrics_file.read_text().splitlines()]


def assert_learnt_alike(one: Run, other: Run) -> None:
    """Of `r3gan`: the same numbers at every step up to TOLERANCE, and the same weights in the end."""
    names = [*NUMBERS, *(["augment_p"] if one.spec().resolved.augment == "ada" else [])]
    alone, together = (np.array([[point[name] for name in names] for point in points(run)]) for run in (one, other))
    assert np.ptp(alone[:, 0]) > 1000 * TOLERANCE  # they learnt something
    assert names[-1] != "augment_p" or np.ptp(alone[:, -1]) > 0
    np.testing.assert_allclose(together, alone, atol=TOLERANCE, rtol=TOLERANCE)
    assert [point["images_seen"] for point in points(other)] == [point["images_seen"] for point in points(one)]
    generators = [load_file(list_checkpoints(run)[0].generator / "generator.safetensors") for run in (one, other)]
    for name, weights in generators[0].items():
        torch.testing.assert_close(generators[1][name], weights, atol=1e-3, rtol=0)
