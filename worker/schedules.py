"""Learning rates over a run: functions of how much of it is done, so that nothing of them has to be kept."""

import math
from collections.abc import Callable

SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,  # noqa: ARG005
    "linear": lambda done: 1.0 - done,  # down to nothing
    "cosine": lambda done: 0.25 + 0.75 * 0.5 * (1 + math.cos(math.pi * done)),  # down to a quarter, as R3GAN's
}
