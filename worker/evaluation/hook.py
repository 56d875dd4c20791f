"""The evaluation of a run: fakes of the averaged generator against reals, now and then, in little time. Knows no loop.

It draws its own noise, the same each time, and changes nothing that training depends on.

Shape suffixes: N reals, M fakes, B of a batch, P pixels of holes, H height, W width, C channels.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np

from core.datasets import Dataset
from core.media.images import Images
from core.resolved import SEMI_SUPERVISED, ResolvedConfig
from core.runs import Run
from ganymede.schemas.references import BranchStep
from models import sampling
from models.subjects import Subjects
from worker.evaluation.classification import prepare_classifier
from worker.evaluation.judged import JudgedBy, read_judged, report_judged, settle_cadence
from worker.evaluation.nearest import NearestSheet, keep_sheet, make_sheet
from worker.evaluation.preparation import Context, choose, make_extractor, make_reference
from worker.evaluation.silence import SilenceMeter
from worker.hooks.reporting import place_of
from worker.training.scores.extractor import BATCH, Extractor, extract
from worker.training.scores.reference import FEWEST_FAKES, Classes, ReferenceSet, spread_labels
from worker.training.state import TrainState
from worker.training.stopping import StopTraining
from worker.training.trainer import Metrics

SHARE = 0.05  # of the time since the attempt began to train may go into evaluations
LEAST_SQUARE = 1e-3  # of a pixel: what is all right is told as 78 dB

log = logging.getLogger(__name__)


class Scorer(Protocol):
    """Scores of what a run has learnt. `sheet`: of the newest, if there is something to show of them."""

    sheet: NearestSheet | None

    def scores(self, state: TrainState) -> Metrics: ...

    def expected_s(self, state: TrainState) -> float:
        """Predict the seconds of `scores`."""
        ...


@dataclass
class Evaluation:
    """`labels_M`: the classes that fakes are asked to show; of an unconditional generator, None. `sheet`: of the newest
    scores, the fakes that are nearest to a real picture of `dataset`."""

    extractor: Extractor
    reference: ReferenceSet
    labels_M: Classes | None
    context: Context
    dataset: Dataset
    scoring_s: float = 0.0  # about how long it takes once the features are there
    sheet: NearestSheet | None = field(default=None, init=False)

    def scores(self, state: TrainState) -> Metrics:
        """Compute the numbers of docs/metrics.md for the generator as it is now."""
        with self.context.task("evaluation", self._num_batches + self.reference.num_blocks):
            meter = SilenceMeter(self.dataset.manifest.audio)
            fakes = extract(self.extractor, meter.watched(self._draw(state)), self.context.tick)
            nearest = self.reference.nearest(fakes)
            scores = self.reference.scores(fakes, self.labels_M, nearest[0]) | meter.scores
            if state.subjects is not None:  # nearest to the very picture that was completed: no sign of copies
                scores.pop("nearest", None)
                return scores | {"hole_psnr": self._hole_psnr(state)}
            usual_N, name = self.reference.usual_nearest, self.extractor.name
            draw = partial(_pictures, state)
            self.sheet = make_sheet(self.dataset, name, nearest, usual_N, self.labels_M, draw)
            return scores

    @property
    def _num_batches(self) -> int:
        return -(-len(self.reference.apart) // BATCH)

    def expected_s(self, state: TrainState) -> float:
        """Predict the seconds of `scores` from one batch, after another that finds everything cold."""
        for _ in range(2):
            began = time.monotonic()
            self.extractor(next(self._draw(state)))
        return (time.monotonic() - began) * self._num_batches + self.scoring_s

    def _hole_psnr(self, state: TrainState) -> float:
        assert state.subjects is not None
        seeds = range(min(len(self.reference.apart), BATCH))
        labels = None if self.labels_M is None else self.labels_M[: seeds.stop].tolist()
        return hole_psnr(state.subjects, _pictures(state, seeds, labels), seeds, labels)

    def _draw(self, state: TrainState) -> Iterator[Images]:
        """Draw pictures of seeds 0, 1, 2 ..., as `/generate` does."""
        count = len(self.reference.apart)
        for start in range(0, count, BATCH):
            seeds = range(start, min(start + BATCH, count))
            labels = None if self.labels_M is None else self.labels_M[start : seeds.stop].tolist()
            yield _pictures(state, seeds, labels)


def _pictures(state: TrainState, seeds: Sequence[int], labels: Sequence[int] | None) -> Images:
    network = state.resolved.network
    sizes = network.latent_dim, network.num_classes
    return sampling.draw(state.ema, seeds, *sizes, labels=labels, subjects=state.subjects)


def hole_psnr(subjects: Subjects, drawn_BHWC: Images, seeds: Sequence[int], labels: Sequence[int] | None) -> float:
    """Return the peak signal-to-noise ratio of completed pictures to the real ones in dB, of the holes alone."""
    hole_BHW = ~subjects.masks(seeds)
    off_PC = drawn_BHWC[hole_BHW].astype(np.float64) - subjects.reals(seeds, labels)[hole_BHW]
    return float(10 * np.log10(255**2 / max(np.square(off_PC).mean(), LEAST_SQUARE)))


class Evaluate:
    """The first of the hooks: puts scores into the numbers of a report, so that all others tell and keep them.

    every: steps between evaluations; None: the first step that could be evaluated settles it, so that evaluations take
    SHARE of the time, and `settle` keeps it. After that no speed decides which steps are evaluated: a run that was
    killed must publish the same checkpoint as its best as an undisturbed one.
    """

    def __init__(
        self,
        evaluation: Scorer,
        every: int | None,
        settle: Callable[[int], None],
        keep: Callable[[BranchStep, NearestSheet], None] = lambda *_: None,
    ) -> None:
        self.evaluation, self.every, self._settle, self._keep = evaluation, every, settle, keep
        self._stop: StopTraining | None = None

    def after_report(self, state: TrainState, metrics: Metrics) -> None:
        if self.every is None:
            self._measure(state, metrics)
        if self.is_due(state):
            try:
                metrics |= self.evaluation.scores(state)
                if self.evaluation.sheet:
                    self._keep(place_of(state), self.evaluation.sheet)
            except StopTraining as stop:
                log.info("step %d: the run is to stop; the next attempt begins with this evaluation", state.step)
                self._stop = stop

    def after_step(self, state: TrainState, is_last: bool) -> None:  # noqa: ARG002
        """Stop before anything is made of a checkpoint that lacks its scores."""
        if self._stop:
            raise self._stop

    def is_due(self, state: TrainState) -> bool:
        return state.is_at_end or (self.every is not None and state.step % self.every == 0)

    def _measure(self, state: TrainState, metrics: Metrics) -> None:
        """Settle `every` at the first multiple of the run's `evaluate_every`, by the reported speed."""
        candidates = state.resolved.evaluate_every
        if state.step % candidates or state.is_at_end:
            return
        images = candidates * state.resolved.images_per_step
        between_s = images / metrics["images_per_second"]
        expected_s = self.evaluation.expected_s(state)
        self.every = candidates * max(1, math.ceil(expected_s / (SHARE * between_s)))
        self._settle(self.every)
        log.info("evaluated every %d steps, as one takes about %.1f s", self.every, expected_s)


def prepare(run: Run, dataset: Dataset, resolved: ResolvedConfig, context: Context) -> Scorer | None:
    """Prepare what a run is judged by, as its first attempt settled it. None: by nothing.

    Raises:
        TrainingFailed: the requested extractor cannot be used.
        StopTraining: from `context.tick`.
    """
    if resolved.extractor == "none":
        return None
    if resolved.objective == SEMI_SUPERVISED:
        return prepare_classifier(run, dataset, resolved, context)
    settled = read_judged(run)
    name, why = (settled.extractor, "") if settled else choose(resolved.extractor, dataset)
    fakes = resolved.evaluate_images
    if fakes < FEWEST_FAKES:
        name, why = "none", f"the dataset has fewer than {2 * FEWEST_FAKES} images"
    if name == "none":
        report_judged(run, settled, JudgedBy(extractor=name, reason=why))
        return None
    extractor, accuracy = make_extractor(name, dataset, context)
    labels_N, by_class = dataset.labels(), resolved.network.num_classes > 0
    reference = make_reference(extractor, dataset, fakes, by_class, context)
    began = time.monotonic()
    with context.task("floor", reference.num_blocks):
        floor = reference.floor
    judged_by = JudgedBy(
        extractor=name,
        reason=why,
        extractor_digest=extractor.digest,
        extractor_accuracy=accuracy,
        images=fakes,
        reals=len(reference.rest),
        floor=floor,
    )
    report_judged(run, settled, judged_by)
    scoring_s = time.monotonic() - began
    labels_M = spread_labels(labels_N, fakes) if by_class and labels_N is not None else None
    return Evaluation(extractor, reference, labels_M, context, dataset, scoring_s)


def hook_of(run: Run, evaluation: Scorer) -> Evaluate:
    """Make the hook, which evaluates as requested, or as an earlier attempt settled."""
    asked = run.spec().options.get("evaluate_every", "auto")
    settled = read_judged(run)
    every = (settled.evaluate_every if settled else None) if asked == "auto" else asked

    return Evaluate(evaluation, every, partial(settle_cadence, run), partial(keep_sheet, run))
