"""What fakes are compared with: reals in two parts, so that each number can stand beside what reals themselves get.

The `apart` are as many reals as there are fakes, and go through all that fakes go through; what they get is the floor.
The `rest` are the others, up to 5,000. docs/metrics.md says what each number means. Knows no networks, store or run.

Shape suffixes: N images, M fakes, D feature dimensions.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from worker.training.scores import frechet, kernel, neighbours, variety
from worker.training.scores.extractor import Features
from worker.training.scores.neighbours import K_DENSITY, K_MANIFOLD
from worker.training.scores.tick import Tick, unwatched

FEWEST_FAKES = 8  # fewer have no five neighbours to speak of
REST = 5000

Classes = NDArray[np.int64]
Scores = dict[str, float]
ALL_ALIKE = 0  # the class of every image where classes are not told apart


def reals_to_read(count: int, fakes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return indices of the reals apart and of the rest; always the same for a dataset of `count`."""
    assert FEWEST_FAKES <= fakes <= count // 2
    order_N = np.random.default_rng(0).permutation(count)
    return np.sort(order_N[:fakes]), order_N[fakes : fakes + max(REST, fakes)]


def spread_labels(labels_N: Classes, count: int) -> Classes:
    """Return `count` labels, each class in its share of the dataset."""
    places = (np.arange(count) + 0.5) * len(labels_N) / count
    return np.sort(labels_N)[places.astype(np.int64)]


@dataclass(frozen=True)
class ReferenceSet:
    """Features of reals; their labels where fakes are drawn by class, and the number of classes of a classifier.

    `tick` is called between two blocks of rows.
    """

    apart: Features
    rest: Features
    labels_apart: Classes | None = None
    labels_rest: Classes | None = None
    num_classes: int = 0
    tick: Tick = unwatched

    @property
    def num_blocks(self) -> int:
        """Expected number of ticks of one evaluation."""
        return 8 * -(-len(self.apart) // neighbours.ROWS)

    def nearest(self, fakes: Features) -> tuple[neighbours.Floats, NDArray[np.int64]]:
        """Distance (M,) of each fake to the nearest real, and its place (M,) among those apart and then the rest."""
        return neighbours.nearest(fakes.values_ND, self._all, self.tick)

    def scores(self, fakes: Features, asked: Classes | None, nearest_M: neighbours.Floats | None = None) -> Scores:
        """Compute every number of docs/metrics.md for fakes that were asked to show these classes, and two floors.

        nearest_M: what `nearest` found, where it was asked before.
        """
        nearest_M = self.nearest(fakes)[0] if nearest_M is None else nearest_M
        return self._compared(fakes, asked, self._nearest(nearest_M)) | {
            "fd_floor": self.floor["fd"],
            "kid_floor": self.floor["kid"],
        }

    @cached_property
    def floor(self) -> Scores:
        """The numbers of the reals apart, as if they were fakes; without `nearest`, which is 1 by definition."""
        return self._compared(self.apart, self.labels_apart, None)

    def _compared(self, fakes: Features, asked: Classes | None, nearest: float | None) -> Scores:
        values_ND = fakes.values_ND
        density, coverage = neighbours.density_coverage(values_ND, self._wide, K_DENSITY, self.tick)
        scores: dict[str, float | None] = {
            "fd": frechet.frechet_distance(*self._gaussian, *frechet.statistics(values_ND)),
            "kid": kernel.kernel_distance(values_ND, self.rest.values_ND, self._within_rest, self.tick),
            "precision": neighbours.share_within(values_ND, self._narrow, self.tick),
            "recall": neighbours.share_within(self._equal, self._manifold(values_ND, K_MANIFOLD), self.tick),
            "density": density,
            "coverage": coverage,
            "diversity": variety.diversity_ratio(self._distances_of(values_ND, asked), self._distances),
            "nearest": nearest,
        }
        if fakes.class_N is not None:
            scores["missing_classes"] = variety.missing_classes(fakes.class_N, self.num_classes)
            scores["label_accuracy"] = None if asked is None else variety.label_accuracy(fakes.class_N, asked)
        return {name: value for name, value in scores.items() if value is not None}

    @property
    def _equal(self) -> NDArray[np.float32]:
        """Return as many of the rest as there are fakes, for scores that depend on both counts."""
        return self.rest.values_ND[: len(self.apart)]

    @cached_property
    def _gaussian(self) -> tuple[frechet.Floats, frechet.Floats]:
        return frechet.statistics(self.rest.values_ND)

    @cached_property
    def _within_rest(self) -> float:
        return kernel.mean_within(self.rest.values_ND, self.tick)

    @cached_property
    def _narrow(self) -> neighbours.Manifold:
        return self._manifold(self._equal, K_MANIFOLD)

    @cached_property
    def _wide(self) -> neighbours.Manifold:
        return self._manifold(self._equal, K_DENSITY)

    @cached_property
    def _distances(self) -> dict[int, float]:
        labels = None if self.labels_rest is None else self.labels_rest[: len(self.apart)]
        return self._distances_of(self._equal, labels)

    @cached_property
    def _all(self) -> NDArray[np.float32]:
        return np.concatenate([self.apart.values_ND, self.rest.values_ND])

    @cached_property
    def usual_nearest(self) -> neighbours.Floats:
        """Distance (N,) of each real apart to the nearest other real."""
        return neighbours.nearest_other(self._all, self.tick)[: len(self.apart)]

    def _nearest(self, nearest_M: neighbours.Floats) -> float | None:
        """Median distance of a fake to the nearest real, over that of a real to the nearest other one."""
        usual = float(np.median(self.usual_nearest))
        return float(np.median(nearest_M)) / usual if usual else None

    def _manifold(self, values_ND: NDArray[np.float32], k: int) -> neighbours.Manifold:
        return neighbours.manifold(values_ND, k, self.tick)

    def _distances_of(self, values_ND: NDArray[np.float32], class_N: Classes | None) -> dict[int, float]:
        if class_N is None:
            return {ALL_ALIKE: variety.mean_distance(values_ND, self.tick)}
        return variety.mean_distance_within(values_ND, class_N, self.tick)
