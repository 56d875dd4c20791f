"""What all evaluations of a run so far come to, so that a rule need not read them again. Knows no verdict.

Each evaluation is taken in once, in the order of its steps, and costs the same however many were before.
"""

import math
from dataclasses import dataclass, field, replace

from core.resolved import ResolvedConfig
from ganymede.schemas.references import BranchStep
from worker.diagnosis import thresholds as t
from worker.diagnosis.episodes import Episode

RISING = ("precision", "recall", "density", "coverage", "label_accuracy", "diversity")  # the better the higher
FALLING = ("kid", "fd")  # the better the lower; the first that is there is the run's live metric

Point = dict[str, float]  # metrics by name, and `step`; what was not measured is not in it


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What the numbers of a run are read against.

    resolved: every option as used. images, classes: how many the dataset has, be they learnt or not. remedied: where
    the run began to go on with the newest remedy.
    """

    resolved: ResolvedConfig
    images: int
    classes: int = 0
    remedied: BranchStep | None = None

    @property
    def warm_up_steps(self) -> int:
        """Steps in which scores are not judged: at the beginning, and after a remedy."""
        return min(t.WARM_UP_MOST, max(t.WARM_UP_LEAST, round(t.WARM_UP_SHARE * self.resolved.steps)))

    def is_warming_up(self, step: int) -> bool:
        """Return whether it is too early to judge."""
        since = self.remedied.step if self.remedied and step > self.remedied.step else 0
        return step <= since + self.warm_up_steps


@dataclass(frozen=True, kw_only=True, slots=True)
class Episodes:
    """The state of each trouble. Alike pictures count differently while nothing is learnt yet."""

    untaught: Episode = field(default_factory=lambda: Episode(t.SCORES_IN_A_ROW))
    alike: Episode = field(default_factory=lambda: Episode(t.SCORES_IN_A_ROW))
    ignored: Episode = field(default_factory=lambda: Episode(t.LABEL_REPEATS))
    near: Episode = field(default_factory=lambda: Episode(t.MEMORISING_REPEATS))
    silent: Episode = field(default_factory=lambda: Episode(t.SILENCE_REPEATS))


@dataclass(frozen=True, kw_only=True, slots=True)
class DiagnosisRecord:
    """`judged` of the evaluations count: those after a warm-up. In one, every trouble is forgotten.

    newest: of each score the last point that has it. best: of each live metric the point where it was lowest. first,
    lowest: the same of all evaluations, as numbers. gained: the clearly best of each score, `without` how many
    evaluations brought none since `gained_at`. most_varied, fewest_missing: the best of both. labels: the best
    accuracy until each of the last evaluations.
    """

    setting: Setting
    evaluations: int = 0
    judged: int = 0
    newest: dict[str, Point] = field(default_factory=dict)
    last: Point | None = None
    best: dict[str, Point] = field(default_factory=dict)
    first: Point = field(default_factory=dict)
    lowest: Point = field(default_factory=dict)
    gained: Point = field(default_factory=dict)
    without: int = 0
    gained_at: float = 0.0
    most_varied: float = 0.0
    fewest_missing: float = math.inf
    labels: tuple[float, ...] = ()
    episodes: Episodes = field(default_factory=Episodes)

    @property
    def live_metric(self) -> str | None:
        """The score by which a run is followed."""
        return next((name for name in FALLING if name in self.best), None)

    @property
    def has_learnt(self) -> bool:
        """Whether the live metric was ever clearly better than at first; true if there is none."""
        name = next((name for name in FALLING if name in self.first), None)
        return name is None or self.lowest[name] < t.LEARNT * self.first[name]

    def after(self, point: Point) -> "DiagnosisRecord":
        """Add the next evaluation."""
        is_early = self.setting.is_warming_up(int(point["step"]))
        record = replace(self, episodes=Episodes()) if is_early else self._judging(point)
        scores = {name: point[name] for name in FALLING if name in point}
        accuracy = (max((point["label_accuracy"], *self.labels[-1:])),) if "label_accuracy" in point else ()
        return replace(
            record,
            evaluations=self.evaluations + 1,
            first=scores | self.first,
            lowest=self.lowest | {name: min(value, self.lowest.get(name, math.inf)) for name, value in scores.items()},
            labels=(*self.labels, *accuracy)[-t.LABEL_REPEATS :],
        )

    def _judging(self, point: Point) -> "DiagnosisRecord":
        gained = [name for name in (*FALLING, *RISING) if name in point and self._is_better(name, point[name])]
        is_lowest = [
            name for name in FALLING if name in point and (name not in self.best or point[name] < self.best[name][name])
        ]
        return replace(
            self,
            judged=self.judged + 1,
            last=point,
            newest=self.newest | dict.fromkeys(point, point),
            best=self.best | dict.fromkeys(is_lowest, point),
            gained=self.gained | {name: point[name] for name in gained},
            without=0 if gained else self.without + 1,
            gained_at=point["step"] if gained or not self.judged else self.gained_at,
            most_varied=max(self.most_varied, point.get("diversity", 0.0)),
            fewest_missing=min(self.fewest_missing, point.get("missing_classes", math.inf)),
            episodes=self._episodes(point),
        )

    def _episodes(self, point: Point) -> Episodes:
        now, step = self.episodes, int(point["step"])
        return Episodes(
            untaught=now.untaught.after(point["diversity"] < t.ALL_ALIKE if "diversity" in point else None, step),
            alike=now.alike.after(self._is_poor(point) if "diversity" in point else None, step),
            ignored=now.ignored.after(self._is_missed(point) if "label_accuracy" in point else None, step),
            near=now.near.after(point["nearest"] < t.NEAREST if "nearest" in point else None, step),
            silent=now.silent.after(point["silent_share"] > t.SILENT_SHARE if "silent_share" in point else None, step),
        )

    def _is_poor(self, point: Point) -> bool:
        """Return whether pictures are alike, or much more so than before, or many classes were lost."""
        diversity, before = point["diversity"], self.newest.get("diversity")
        is_rising = before is not None and diversity > before["diversity"] * (1 + t.STILL_GAINING)
        is_alike = diversity < max(t.DIVERSITY, t.DIVERSITY_LOST * self.most_varied) and not is_rising
        lost = point.get("missing_classes", 0.0) - self.fewest_missing
        return is_alike or lost >= self.most_missing

    @property
    def most_missing(self) -> float:
        """Number of classes that may not be lost."""
        classes = self.setting.classes
        return max(2.0, t.CLASSES_LOST * classes) if classes <= t.MOST_CLASSES else math.inf

    def _is_missed(self, point: Point) -> bool | None:
        """Return whether pictures are not of the requested class, and that does not improve."""
        classes = self.setting.resolved.network.num_classes
        if classes < 2:
            return None
        chance = 1 / classes
        gain = point["label_accuracy"] - max(chance, self.labels[0]) if len(self.labels) >= t.LABEL_REPEATS else 0
        skill = (point["label_accuracy"] - chance) / (1 - chance)
        return skill < t.LABEL_SKILL and gain < t.LABEL_GAIN

    def _is_better(self, name: str, value: float) -> bool:
        if name not in self.gained:
            return True
        best = self.gained[name]
        return value < best * (1 - t.STALLED_GAIN) if name in FALLING else value > best * (1 + t.STALLED_GAIN)
