"""What a judge says of a set of pictures, and what it says of reals beside it. Knows no dataset in particular.

Shape suffixes: N pictures, M that the judge learnt, H height, W width, C channels, D features.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.media.images import Images
from worker.judge.judgement import Judgement, Readings, judged
from worker.training.scores.frechet import Floats, frechet_distance, statistics
from worker.training.scores.kernel import kernel_distance
from worker.training.scores.neighbours import K_MANIFOLD, manifold, nearest, nearest_other, share_within

Features = NDArray[np.float32]
Read = Callable[[Images], tuple[Readings, Features]]


@dataclass(frozen=True)
class Likeness:
    """KID, and precision and recall (k = 3), beside reals: docs/metrics.md. The last two compare where both sets are
    as large as those of another likeness."""

    kid: float
    precision: float
    recall: float


@dataclass(frozen=True)
class Reals:
    """What real pictures get that are judged as drawn ones are; their FD is the floor."""

    label_accuracy: float
    likeness: Likeness


@dataclass(frozen=True)
class Judge:
    """Reads the pictures of one dataset.

    shape: (H, W, C) of a picture. comparable: as many pictures as there are of the reals that the floor is of, which
    `floor_of` names. beside: features of the reals that a likeness is to, made when it is asked for.
    """

    name: str
    shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    comparable: int
    read: Read
    gaussian: tuple[Floats, Floats]
    beside: Callable[[], Features]
    floor: float
    floor_of: str
    reals: Reals

    def examine(self, images_NHWC: Images, labels_N: NDArray[np.integer]) -> dict[str, Any]:
        """The judgement of pictures that were asked to show these labels, with the likeness where it compares (else
        None), and what reals get."""
        readings_N, features_ND = self.read(images_NHWC)
        judgement = self._judged(readings_N, features_ND, labels_N)
        is_comparable = len(images_NHWC) == self.comparable
        found = asdict(likeness(features_ND, self.beside())) if is_comparable else dict.fromkeys(LIKENESS)
        reals = {"label_accuracy": self.reals.label_accuracy, **asdict(self.reals.likeness)}
        return {**asdict(judgement), **found, "reals": reals}

    def judgement(self, images_NHWC: Images, labels_N: NDArray[np.integer]) -> Judgement:
        """Of the same what takes the least time."""
        return self._judged(*self.read(images_NHWC), labels_N)

    def nearest(self, drawn_NHWC: Images, learnt_MHWC: Images) -> float | None:
        """`nearest` of docs/metrics.md, beside what was learnt from; None where most of that is twice there."""
        drawn_ND, learnt_MD = (self.read(images_NHWC)[1] for images_NHWC in (drawn_NHWC, learnt_MHWC))
        usual = float(np.median(nearest_other(learnt_MD)))
        distance_N, _ = nearest(drawn_ND, learnt_MD)
        return float(np.median(distance_N)) / usual if usual else None

    def _judged(self, readings_N: Readings, features_ND: Features, labels_N: NDArray[np.integer]) -> Judgement:
        distance = frechet_distance(*statistics(features_ND), *self.gaussian)
        return judged(readings_N, labels_N, len(self.class_names), distance, self.floor)


LIKENESS = tuple(Likeness.__dataclass_fields__)


def likeness(drawn_ND: Features, real_MD: Features) -> Likeness:
    """How drawn pictures lie among reals, in the features of a judge."""
    return Likeness(
        kid=kernel_distance(drawn_ND, real_MD),
        precision=share_within(drawn_ND, manifold(real_MD, K_MANIFOLD)),
        recall=share_within(real_MD, manifold(drawn_ND, K_MANIFOLD)),
    )
