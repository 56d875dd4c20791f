"""docs/recipes.md: every recipe with its source, what to expect, what was measured, its numbers; options."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import recipe_table
from ganymede.schemas.specs import TrainConfig
from models.auto import RULES
from models.choice import TABLE
from models.recipes import RECIPES

FOLDER = Path(__file__).resolve().parent.parent

RECIPES_PAGE_BEGINS = """# Recipes

What `recipe` of `POST /train` (or `ganymede train RECIPE DATASET`) can be, and what it becomes where it is left out
([below](#which-recipe-for-what)). Each recipe is a row of the table in `models/recipes.py`; this page is made from it
by `python docs/generate.py`. All draw square pictures of 8 to 512 px, 4 or 7 times a power of two, grey or colour.
Conditional recipes learn to draw the class that is asked for; "both" do so where the dataset has labels, unless
`conditional` is false.

What to expect is said of the bundled digits on two CPU cores where it speaks of minutes.
"""

CHOICES_BEGIN = """## Which recipe for what

Where `recipe` is left out, or is "auto", the first of these rows (`models/choice.py`) that fits says which it becomes,
by the pictures of the dataset and the device of the workers. The run tells it in `recipe`, and why in `recipe_reason`,
and keeps it through pauses, retries and changes of this table. Pictures whose labels are not to be learnt
(`conditional` is false) count as without classes. A run that starts from weights (`init`) gets the recipe that made
them.
"""

NUMBERS = (
    "architecture",
    "objective",
    "regulariser",
    "penalty_weight",
    "penalty_every",
    "mode_seeking",
    "n_critic",
    "learning_rates",
    "betas",
    "lr_schedule",
    "annealing",
    "batch_size",
    "latent_dim",
    "depth",
    "width",
    "gpu_width",
)

NUMBERS_BEGIN = """## What "auto" becomes

The table has what a recipe brings; the rules for all else stand beside the options below. Learning rates: generator,
then discriminator (of the `vae`: the encoder). Widths: on a CPU, then on a GPU; `penalty_weight` "rule" is size^3
/ (512 * batch size). `depth`: 3x3 convolutions of the generator at each size before it is doubled. What became of
"auto" is in `resolved` of a run.

Few pictures (fewer than 100 for each pixel of a side: 2,800 of 28 px, 6,400 of 64 px) are augmented, or the
discriminator would learn each by heart: with `ada`, which changes a share p of what the discriminator sees and leads p
such that real pictures are taken for real in four of five cases (`r_t` 0.6). p may rise by 1 in 500,000 images, or in a
fifth of the run if that is less. The scores of `wgan-gp` have no zero to go by: it gets `diffaugment`. The `vae` has no
discriminator.
"""

OPTIONS_BEGIN = """## Options

Fields of `config`; what is left out is "auto". One that means nothing to a recipe is refused.
"""


def recipes_page() -> str:
    kinds = {True: "yes", False: "no", None: "both"}
    rows = [f"| `{n}` | {r.what} | {kinds[r.conditional]} | {r.source} |" for n, r in RECIPES.items()]
    expected = [f"**`{name}`** {recipe.expect}\n" for name, recipe in RECIPES.items()]
    numbers = [
        " | ".join([f"| `{name}`", *(_shown(getattr(recipe, number)) for number in NUMBERS)]) + " |"
        for name, recipe in RECIPES.items()
    ]
    options = [
        f"| `{name}` | {field.description} | {RULES[name]} |" for name, field in TrainConfig.model_fields.items()
    ]
    return "\n".join(
        [
            RECIPES_PAGE_BEGINS,
            "| recipe | what | conditional | source |\n|---|---|---|---|",
            *rows,
            "",
            CHOICES_BEGIN,
            "| where there are | recipe | because | other numbers |\n|---|---|---|---|",
            *(f"| {row.when or 'else'} | `{row.recipe}` | {row.why} | {_listed(row.numbers)} |" for row in TABLE),
            "\n## What to expect\n",
            *expected,
            *filter(None, [recipe_table.section(FOLDER / "benchmarks" / "recipes")]),
            NUMBERS_BEGIN,
            f"| recipe | {' | '.join(NUMBERS)} |\n|{'---|' * (len(NUMBERS) + 1)}",
            *numbers,
            "",
            (FOLDER / "recipes" / "as-published.md").read_text(encoding="utf-8"),
            OPTIONS_BEGIN,
            "| option | meaning | auto |\n|---|---|---|",
            *options,
            "",
        ]
    )


def _listed(numbers: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_shown(value)}" for name, value in numbers.items())


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"{each:g}" for each in value)
    return "" if value in (None, "none") else str(value)
