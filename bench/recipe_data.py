"""The datasets that recipes are measured on: a row each. Knows no recipe, no training and no result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from bench import avatars, dataset, starter_data
from bench.judge.kinds import KINDS
from core.datasets.manifest import DatasetManifest
from core.store import Store
from models.choice import Situation
from models.starters import AVATARS, DIGITS

AVATARS_FEW = "avatars-few"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What recipes learn from.

    put: makes sure that a store has it. prefix: of the names of its runs. judge: in bench/judge/kinds.py.
    images: the budget of a run, real images, those of every update of a discriminator counted; where there is none,
    `minutes` of two idle cores. seeds: how many runs a row has; 1 where nothing is said.
    title, reals: for docs/recipes.md; `reals` says what pictures are compared with, and {floor} what FD reals have.
    """

    name: str
    put: Callable[[Store], DatasetManifest]
    judge: str
    per_class: int
    title: str
    reals: str
    prefix: str = ""
    images: int | None = None
    minutes: int = 0
    seeds: Mapping[str, int] = field(default_factory=dict)

    def budget(self, images_per_second: float | None) -> int | None:
        """Real images of a run; None where a speed is needed and none is known."""
        if self.images is not None or images_per_second is None:
            return self.images
        return int(60 * self.minutes * images_per_second)

    @property
    def situation(self) -> Situation:
        """What the rule for recipes looks at, on a CPU."""
        height, _, channels = KINDS[self.judge].shape
        count = self.per_class * KINDS[self.judge].num_classes
        return Situation(size=height, channels=channels, is_labelled=True, count=count, on_gpu=False)


HELD_OUT = (
    "FD, KID, precision and recall are to 4,000 avatars that nobody has learnt from; the FD of 4,000 others is {floor}."
)
SUBJECTS = {
    subject.name: subject
    for subject in (
        Subject(
            name=DIGITS,
            put=starter_data.bundled,
            judge=DIGITS,
            per_class=dataset.PER_CLASS,
            images=200_000,
            seeds={"dcgan": 3, "vae": 3, "vae-unconditional": 3, "r3gan": 2},
            title="The bundled digits",
            reals="FD is to MNIST's test images; that of the digits that were learnt from (`mnist-10k`) is {floor}. "
            "KID, precision and recall are to these.",
        ),
        Subject(
            name=AVATARS,
            put=starter_data.avatars,
            judge=AVATARS,
            per_class=avatars.PER_CLASS,
            prefix="avatars-",
            minutes=20,
            title="Avatars",
            reals=HELD_OUT,
        ),
        Subject(
            name=AVATARS_FEW,
            put=partial(starter_data.avatars, per_class=avatars.FEW_PER_CLASS, name=AVATARS_FEW),
            judge=AVATARS,
            per_class=avatars.FEW_PER_CLASS,
            prefix="avatars-few-",
            minutes=20,
            title=f"Avatars, the first {avatars.FEW_PER_CLASS} of each class",
            reals=HELD_OUT,
        ),
    )
}
