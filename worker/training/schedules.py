"""Numbers that move over a run: functions of how much of it is done, so that nothing of them has to be kept.

Huang et al. 2024, arXiv 2501.05441 (R3GAN), moves all of them by one cosine: learning rates down to a quarter, the
weight of the penalty down to a tenth, beta2 of Adam from 0.9 up, and the half-life of the average from nothing up.
"""

import math
from collections.abc import Callable

FIRST_BETA2, LAST_PENALTY = 0.9, 0.1


def moved(first: float, last: float, done: float) -> float:
    """Move along half a cosine wave from `first` to `last`; done: share of the run, 0 to 1."""
    return last + (first - last) * 0.5 * (1 + math.cos(math.pi * done))


SCHEDULES: dict[str, Callable[[float], float]] = {  # factors of both learning rates
    "constant": lambda done: 1.0,  # noqa: ARG005
    "linear": lambda done: 1.0 - done,  # down to nothing
    "cosine": lambda done: moved(1.0, 0.25, done),
}
