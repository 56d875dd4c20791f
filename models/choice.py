"""Which recipe a run gets that names none: a rule, written as a table. Knows no network and no request.

The first row that fits is taken. What people read of it is made from the rows: docs/recipes.md, GET /train/schema, and
the reason that a run tells.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypedDict

AUTO = "auto"
FEW_IMAGES = 100  # for each pixel of a side: 2,800 of 28 px, 25,600 of 256 px; of fewer a discriminator remembers each


@dataclass(frozen=True, slots=True)
class Situation:
    """What a run learns from, and on what. `size`: pixels a side; `is_labelled`: labels are to be learnt."""

    size: int
    channels: int
    is_labelled: bool
    count: int
    on_gpu: bool


class RecipeNumbers(TypedDict, total=False):
    """Fields of a recipe that may be others in some situation."""

    batch_size: int
    latent_dim: int
    width: int


@dataclass(frozen=True, slots=True)
class Choice:
    """The recipe of a run. `reason`: none if the request named it; `numbers`: changed fields of the recipe."""

    recipe: str
    reason: str | None = None
    numbers: RecipeNumbers = field(default_factory=RecipeNumbers)

    @property
    def subject(self) -> str:
        """Name the recipe in a sentence about what it cannot do."""
        return self.recipe if self.reason is None else f"{self.recipe}, which auto chose ({self.reason}),"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChoiceRule:
    """A recipe, and where it is taken: a condition that is None, or a range without a bound, takes all.

    why: in plain words. numbers: fields of the recipe (models/recipes.py) that are to be others here.
    """

    recipe: str
    why: str
    on_gpu: bool | None = None
    is_labelled: bool | None = None
    is_colour: bool | None = None
    is_few: bool | None = None
    least_size: int = 0
    most_size: int | None = None
    least_count: int = 0
    most_count: int | None = None
    numbers: RecipeNumbers = field(default_factory=RecipeNumbers)

    def fits(self, found: Situation) -> bool:
        return (
            self.on_gpu in (None, found.on_gpu)
            and self.is_labelled in (None, found.is_labelled)
            and self.is_colour in (None, found.channels > 1)
            and self.is_few in (None, are_few(found.count, found.size))
            and self.least_size <= found.size <= (self.most_size or found.size)
            and self.least_count <= found.count <= (self.most_count or found.count)
        )

    @property
    def when(self) -> str:
        """State the conditions in words; empty: always."""
        return ", ".join(self._conditions())

    def _conditions(self) -> Iterator[str]:
        of_a_side = f"{FEW_IMAGES} images for each pixel of a side"
        kinds = (
            (self.on_gpu, "on a GPU", "on a CPU"),
            (self.is_labelled, "with classes", "without classes"),
            (self.is_colour, "colour", "grey"),
            (self.is_few, f"fewer than {of_a_side}", f"at least {of_a_side}"),
        )
        for wanted, yes, no in kinds:
            if wanted is not None:
                yield yes if wanted else no
        sizes, counts = (self.least_size, self.most_size, "px"), (self.least_count, self.most_count, "images")
        for least, most, unit in (sizes, counts):
            if least:
                yield f"at least {least:,} {unit}"
            if most is not None:
                yield f"at most {most:,} {unit}"


TABLE = (
    ChoiceRule(
        on_gpu=True,
        least_size=64,
        least_count=20_000,
        recipe="r3gan",
        why="it covers all of a large dataset best, given the time of a GPU",
    ),
    ChoiceRule(
        is_colour=False,
        most_size=32,
        recipe="sngan",
        why="of small grey pictures it draws those that come nearest to real ones",
    ),
    ChoiceRule(
        recipe="rpgan",
        why="it draws many pictures of each class where others draw one, and is quick",
    ),
)


def choose(found: Situation) -> Choice:
    """Return the choice of the first fitting row; the last one always fits."""
    row = next(row for row in TABLE if row.fits(found))
    return Choice(row.recipe, f"{row.when}: {row.why}" if row.when else row.why, row.numbers)


def are_few(count: int, size: int) -> bool:
    """Return whether a discriminator could memorise each of `count` pictures of this size."""
    return count < FEW_IMAGES * size


def in_words() -> str:
    rows = "; ".join(f"{row.when or 'else'}: {row.recipe}" for row in TABLE)
    return f"{rows}; with init what made those weights"
