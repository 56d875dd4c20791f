"""docs/diagnosis.md: every verdict in its order, every threshold."""

from pathlib import Path
from typing import Any

from bench import alarm_table
from ganymede.schemas.diagnosis import UNTROUBLED
from worker.diagnosis import judging, remedies
from worker.diagnosis.thresholds import TABLE

FOLDER = Path(__file__).resolve().parent.parent

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
