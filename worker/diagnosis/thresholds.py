"""The one table of thresholds, as constants for the rules and as rows for docs/diagnosis.md. Knows no rule.

Values were set on runs of every recipe at 16 px, healthy and broken on purpose; where a line names a source, it began
there.
"""

from typing import NamedTuple, TypeVar

from ganymede.schemas.diagnosis import Verdict

Number = TypeVar("Number", int, float)


class Threshold(NamedTuple):
    verdict: Verdict
    value: float
    meaning: str


TABLE: list[Threshold] = []


def _row(verdict: Verdict, value: Number, meaning: str) -> Number:
    TABLE.append(Threshold(verdict, value, meaning))
    return value


EXPLODING_REPORTS = _row(Verdict.EXPLODING, 3, "reports in a row that show it, or do not")
GRADIENT_JUMP = _row(Verdict.EXPLODING, 100.0, "times its own median until then: a gradient norm")
MEDIAN_REPORTS = _row(Verdict.EXPLODING, 10, "reports at least that such a median is taken of")
GRADIENT_LIMIT = _row(Verdict.EXPLODING, 1e4, "a gradient norm, whatever it was before")
GRADIENT_FLOOR = _row(Verdict.EXPLODING, 10.0, "a gradient norm that no jump is seen below")
LOSS_LIMIT = _row(Verdict.EXPLODING, 100.0, "a loss that is of the order of 1 in all but wgan-gp and vae")

STRONG_REPORTS = _row(Verdict.DISCRIMINATOR_TOO_STRONG, 10, "reports in a row that show it, or do not")
STRONG_STEPS = _row(Verdict.DISCRIMINATOR_TOO_STRONG, 200, "steps that it lasts at least")
STRONG_ACCURACY = _row(Verdict.DISCRIMINATOR_TOO_STRONG, 0.99, "share of both kinds that the discriminator tells right")
STRONG_LOSS = _row(Verdict.DISCRIMINATOR_TOO_STRONG, 0.1, "its loss, as a share of what a blind guess costs")
VANISHED = _row(
    Verdict.DISCRIMINATOR_TOO_STRONG, 1e-3, "times its own median until then: the generator's gradient norm"
)

SILENT_SHARE = _row(Verdict.SILENCE, 0.5, "share of drawn clips that are silent")
SILENCE_REPEATS = _row(Verdict.SILENCE, 2, "evaluations in a row that show it, or do not")

SCORES_IN_A_ROW = _row(Verdict.MODE_COLLAPSE, 2, "evaluations in a row that show it, or do not")
DIVERSITY = _row(Verdict.MODE_COLLAPSE, 0.15, "diversity (of conditional networks: within a class)")
ALL_ALIKE = _row(Verdict.MODE_COLLAPSE, 0.05, "the same, of a generator that never learnt anything: it is no collapse")
DIVERSITY_LOST = _row(Verdict.MODE_COLLAPSE, 0.33, "times the best diversity of the run so far")
STILL_GAINING = _row(Verdict.MODE_COLLAPSE, 0.1, "gain of diversity over the evaluation before by which time is given")
LEARNT = _row(Verdict.MODE_COLLAPSE, 0.8, "times the first KID (else FD): once below, a generator has learnt something")
CLASSES_LOST = _row(Verdict.MODE_COLLAPSE, 0.4, "share of the classes that were drawn before and are no longer")
MOST_CLASSES = _row(Verdict.MODE_COLLAPSE, 100, "classes at most of which some are missed: a sample shows no more")

LABEL_REPEATS = _row(Verdict.LABEL_IGNORED, 4, "evaluations in a row that show it, or do not")
LABEL_SKILL = _row(Verdict.LABEL_IGNORED, 0.3, "label accuracy, 0 being chance and 1 always right")
LABEL_GAIN = _row(
    Verdict.LABEL_IGNORED, 0.02, "label accuracy above chance and the best of so many evaluations ago: time is given"
)

NEAREST = _row(
    Verdict.MEMORISING, 0.8, "distance of drawn pictures to the nearest training image, held-out real ones' being 1"
)
MEMORISING_REPEATS = _row(Verdict.MEMORISING, 2, "evaluations in a row that show it, or do not")

OVERFIT_REPORTS = _row(Verdict.DISCRIMINATOR_OVERFITTING, 10, "reports in a row that show it, or do not")
OVERFIT_SIDE = _row(
    Verdict.DISCRIMINATOR_OVERFITTING, 0.8, "r_t, the mean sign of the scores of real images (ADA's is 0.6)"
)
OVERFIT_EPOCHS = _row(Verdict.DISCRIMINATOR_OVERFITTING, 20.0, "times at least that each image was seen")
OVERFIT_EVALUATIONS = _row(Verdict.DISCRIMINATOR_OVERFITTING, 2, "evaluations at least without a better score")

STALLED_EVALUATIONS = _row(Verdict.STALLED, 4, "evaluations at least without a better one")
STALLED_SHARE = _row(Verdict.STALLED, 0.5, "of all evaluations that came without a better one")
STALLED_GAIN = _row(Verdict.STALLED, 0.05, "share by which a score has to change to be better")
NEAR_FLOOR = _row(Verdict.STALLED, 3.0, "times the floor of KID or FD: there is nothing left to gain")

WARM_UP_REPORTS = _row(Verdict.WARMING_UP, 10, "reports at least before a run is called healthy")
WARM_UP_SHARE = _row(Verdict.WARMING_UP, 0.1, "of all steps that scores are not judged in")
WARM_UP_LEAST = _row(Verdict.WARMING_UP, 200, "steps at least that scores are not judged in")
WARM_UP_MOST = _row(Verdict.WARMING_UP, 1000, "steps after which they are judged at latest")
