"""Writes the generated pages: `python docs/generate.py`. A test regenerates and compares them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer.main

from bench import alarm_table, recipe_table, starter_page
from bench.serving.page import page
from bench.training.report import section
from core.settings import Settings
from ganymede.cli import app
from ganymede.schemas.diagnosis import UNTROUBLED
from ganymede.schemas.specs import TrainConfig
from models.auto import RULES
from models.choice import TABLE as CHOICES
from models.recipes import RECIPES
from worker.diagnosis import judging, remedies
from worker.diagnosis.thresholds import TABLE

FOLDER = Path(__file__).resolve().parent


def settings_page() -> str:
    """docs/settings.md: every setting with its default and what it is for."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = ", ".join(field.default) if isinstance(field.default, tuple) else field.default
        shown = "" if default is None else f"`{str(default).lower() if isinstance(default, bool) else default}`"
        rows.append(f"| `GANYMEDE_{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(
        [
            "# Settings",
            "",
            "Environment variables, read once when a process starts. A value that cannot be used stops the process and",
            "is named. Made by `python docs/generate.py` from `core/settings.py`.",
            "",
            "| variable | default | meaning |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


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
    """docs/recipes.md: every recipe with its source, what to expect, what was measured, its numbers; options."""
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
            *(f"| {row.when or 'else'} | `{row.recipe}` | {row.why} | {_listed(row.numbers)} |" for row in CHOICES),
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


DIAGNOSIS_PAGE_BEGINS = """# Diagnosis

A loss says little about a GAN: it falls while pictures get worse, and stands still while they get better. Ganymede
reads the other numbers of a run and says how it learns, in `diagnosis` of the run (`verdict`, `summary`, `numbers`,
`advice`), and as an event `diagnosis` whenever the verdict changes. This page is made by `python docs/generate.py` from
the tables in `worker/diagnosis/` by which runs are judged.

Read at every report: the norms of both gradients, the losses, and how often the discriminator is right (not in
`wgan-gp` and `r3gan`, whose scores have no right side). Read at every evaluation: the scores. A number that was not
measured accuses nobody. A verdict takes several points in a row, and as many to go away again; many limits are relative
to the run's own history. It is worked out from `metrics.jsonl`, so that an interruption changes nothing of it.

The first of these that finds something is the verdict:
"""

DIAGNOSIS_PAGE_THRESHOLDS = """
If none of them does, a run is `warming_up` at first, then `healthy`.

## Thresholds
"""

DIAGNOSIS_PAGE_ENDS = """
## Acting on it

`stop` of `POST /train` says what is done when one of the verdicts in `on` comes up: `remedy` is the default, against
`mode_collapse` alone (below); `alert` tells it as an event and no more; `pause` lets the run wait, with a checkpoint;
`rollback` goes back to its best checkpoint (the newest, where none was scored) on a new branch, with both
learning rates halved, up to three times in a run; `stop` ends the run as failed (`diverged` where it was exploding,
`stalled`, else `collapsed`), with the advice in the message.

```json
{"recipe": "dcgan", "dataset": "mnist-10k", "stop": {"on": ["mode_collapse", "exploding"], "action": "pause"}}
{"recipe": "dcgan", "dataset": "mnist-10k", "stop": {"action": "alert"}}
```

It is done once for each time that the verdict comes up, and is an event `action`. A paused run that is resumed has the
same verdict still, and is not paused for it again. Nothing is done at the last step.

### Remedies

By default a run whose pictures collapse goes back to its best checkpoint from before that (to its beginning, where none
was evaluated that drew varied pictures) and on, on a new branch with other noise, with one change:

1. `seek_modes`: {seek}
2. `regularise_discriminator`: {regularise}
3. `augment`: {augment}
4. `lower_learning_rates`: {lower}

The first that means something to the run is taken, each once, but for the last. A second collapse adds a second change.
Networks keep their shape, and `resolved` of the run stays as it was: `remedies` of the run says what was changed (from,
to, why), where it was left and where it went on, and each is an event `action` (`remedied`). Asked for against
`exploding`, the learning rates are halved at once; against `memorising` and `discriminator_overfitting`, augmentation
comes first.

A change is given the time that a beginning is given: after it, scores are not judged for a tenth of the run's steps
(200 to 1,000 of them), gradients and losses from before count no longer, and nothing else is done. After {most} changes
the next collapse ends the run: it `succeeded`, its best version is published as the newest, and `ended_early` says why,
also as an event (`ended_early`), in `ganymede runs show`, and in `ganymede_runs_ended_early` of `/metrics`. The best is
never one from within a collapse; where a run has made nothing else it fails as `collapsed`, and `retry` lets it go on
untouched.

Only `mode_collapse` is acted on by default. It is proven by scores, and what is drawn then is of little use. A
discriminator that is too strong is judged by losses alone, and the generator may learn from it all the same, so ending
such a run early would cost more than it saves; while it hides a collapse, the collapse is acted on. A label that is
ignored comes right late, or takes another recipe: no change helps that leaves the networks as they are.
"""


REMEDIES_IN_WORDS = {
    "seek": f"`mode_seeking` {remedies.REMEDIAL_SEEKING:g}: the generator pays where pictures of a class are alike.",
    "regularise": "R1 and R2 for a discriminator that nothing keeps smooth, with a `penalty_weight` of "
    f"{remedies.REMEDIAL_WEIGHT:g} times the rule of `r3gan`: 1 at 64 px in batches of 64.",
    "augment": "of reals and fakes: `ada` where nothing was augmented, else, and for `wgan-gp`, `diffaugment`.",
    "lower": "both halved.",
}


def diagnosis_page() -> str:
    """docs/diagnosis.md: every verdict in its order, every threshold."""
    order = [f"{i}. `{verdict}`: {_first_line(rule)}" for i, (verdict, rule) in enumerate(judging.RULES.items(), 1)]
    verdicts = [*judging.RULES, *reversed(UNTROUBLED)]
    rows = [row for verdict in verdicts for row in TABLE if row.verdict is verdict]
    limits = [f"| `{row.verdict}` | {row.value:g} | {row.meaning} |" for row in rows]
    assert len(limits) == len(TABLE)
    table = "| verdict | limit | of what |\n|---|---|---|"
    ends = DIAGNOSIS_PAGE_ENDS
    for name, text in {**REMEDIES_IN_WORDS, "most": str(remedies.MOST)}.items():
        ends = ends.replace(f"{{{name}}}", text)
    limits = [DIAGNOSIS_PAGE_THRESHOLDS, table, *limits]
    tried = alarm_table.section(FOLDER / "benchmarks" / "alarms")
    return "\n".join([DIAGNOSIS_PAGE_BEGINS, *order, *limits, *filter(None, [tried]), ends])


def _first_line(documented: Any) -> str:
    return str(documented.__doc__).partition("\n")[0]


RUN = "RUN"  # explained once, at the top of the page
CLI_PAGE_BEGINS = """# The command line

`ganymede VERB` and `ganymede NOUN VERB`; `--help` after any of them says the same as this page. Made by
`python docs/generate.py` from the command itself.

Data goes to stdout; progress, messages and errors go to stderr. On a terminal there are tables and a progress bar; in a
pipe columns are separated by tabs, nothing is wrapped or coloured, and progress is a line every few seconds. `NO_COLOR`
is respected. An error is one block: title, field, what is allowed there; with `--json` it is the problem document.

| status | means |
|---|---|
| 0 | done; of a run that was watched: it succeeded |
| 1 | refused, or the run failed or was canceled |
| 2 | the command line is wrong |
| 3 | the service cannot be reached |
| 130 | Ctrl-C. A run that was watched goes on; 130 keeps `ganymede train ... && next` from going on without it |

A file is written whole or not at all: `-o FILE` replaces a file that is there and keeps its mode and owner. Links are
followed; a device, a FIFO and a file with several names are written into. `-` is stdout; a terminal gets no binary
data. A folder, an empty name, a file that may not be written and a stdout that is closed are errors.

`ganymede train` without `--detach` shows a progress bar until the run ends; Ctrl-C leaves the run alone.

```sh
ganymede doctor
ganymede generate --seed 42 --label 7 --metadata -o seven.png
ganymede generate --model digits@1 -n 64 -o sheet.png --curl
ganymede train mnist-10k --model mine --dry-run
ganymede train cgan mnist-10k --model mine --steps 200 --detach
ganymede models show digits
```

RUN is the id of a run, its beginning or end if no other run has it, or `@last`, the newest. The service's address is
`--url`, else the variable `GANYMEDE_URL`, else port `GANYMEDE_PORT` of this machine, else port 8000 of it.

Another machine is asked through the proxy that `HTTP_PROXY`, `HTTPS_PROXY` or `ALL_PROXY` names, but for the hosts in
`NO_PROXY`; a SOCKS proxy needs the package `socksio`. `SSL_CERT_FILE` or `SSL_CERT_DIR` names the authorities whose
certificates are trusted. What of these cannot be used is one line that names the variable (status 3).

## Options of every command that asks the service

{shared}
"""


def cli_page() -> str:
    """docs/cli.md: every command with its arguments and options."""
    root: Any = typer.main.get_command(app)  # Typer's classes of commands are not public
    named = dict(_commands(root, "ganymede"))
    shared = [each for each in named["ganymede runs ls"].params if each.rich_help_panel == "Service"]
    names = {each.name for each in shared}
    parts = [CLI_PAGE_BEGINS.format(shared=_rows(shared))]
    for name, command in named.items():
        own = [each for each in command.params if each.name not in names and each.metavar != RUN and not each.hidden]
        usage = " ".join([name, *map(_placeholder, (p for p in command.params if p.param_type_name == "argument"))])
        parts += [f"## {usage}\n", f"{command.help}\n", *([_rows(own) + "\n"] if own else [])]
    return "\n".join(parts)


def _commands(command: Any, name: str) -> list[tuple[str, Any]]:
    """Names and commands, in the order of `--help`."""
    if not hasattr(command, "commands"):
        return [(name, command)]
    return [pair for word, each in command.commands.items() for pair in _commands(each, f"{name} {word}")]


def _placeholder(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _rows(parameters: list[Any]) -> str:
    rows = ["| option | default | meaning |", "|---|---|---|"]
    for each in parameters:
        is_argument = each.param_type_name == "argument"
        value = "" if is_argument or getattr(each, "is_flag", False) else f" {each.metavar or each.name.upper()}"
        name = _placeholder(each) if is_argument else ", ".join(each.opts) + value
        default = "" if each.default in (None, False) else f"`{each.default}`"
        rows.append(f"| `{name}` | {'required' if each.required else default} | {each.help} |")
    return "\n".join(rows)


def benchmarks_page() -> str:
    """docs/benchmarks.md: what was measured, from the JSON files in docs/benchmarks/."""
    return page(FOLDER / "benchmarks") + section(FOLDER / "benchmarks")


def starters_page() -> str:
    """docs/starters.md: what comes with the package, from the records beside the models."""
    return starter_page.page(FOLDER.parent / "models" / "starter")


if __name__ == "__main__":
    (FOLDER / "benchmarks.md").write_text(benchmarks_page())
    (FOLDER / "diagnosis.md").write_text(diagnosis_page())
    (FOLDER / "settings.md").write_text(settings_page())
    (FOLDER / "recipes.md").write_text(recipes_page())
    (FOLDER / "cli.md").write_text(cli_page())
    (FOLDER / "starters.md").write_text(starters_page())
