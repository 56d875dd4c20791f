"""The page docs/starters.md, from the records of the starter models. Measures nothing."""

import json
from pathlib import Path
from typing import Any

from bench.machine import described

NOTICE_FILE = "NOTICE.md"
SHOWN = {
    "generation": "a column for each class",
    "completion": "from above a hole, four drafts, what was there",
    "classification": "test digits that it reads wrong",
    "speech": "spectrograms, a column for each word",
}

BEGINS = """# The models that come with Ganymede

Whoever starts the service has them. Each was trained by the project's own job and judged, and is refused where it
misses its bars; `make starter` makes `digits`, `make starter STARTER=NAME` another one. The record.json
beside each, in `models/starter/NAME/`, has every number. `python -m bench.quality --model NAME` measures what a service
draws.

FD, KID, precision and recall are in the features of a classifier, and compare with nothing outside this page
([metrics.md](metrics.md)). Digits are read by the judge in `worker/judge`, which has learnt from other digits than the
bundled ones: FD compares with MNIST's 10,000 test images, the rest with `mnist-10k`. Avatars are read by the classifier
of their dataset, and compare with 4,000 avatars that nobody has learnt from. Beside each score stands what reals get
that are judged in the place of drawn pictures. Nothing is filtered.

This page is made by `python docs/generate.py` from the records.
"""


def page(starters: Path) -> str:
    """The page of all starters in this folder."""
    return "\n".join(
        [BEGINS, *(_section(path.parent) for path in sorted(starters.glob("*/record.json"), reverse=True))]
    )


def _section(folder: Path) -> str:
    name, record = folder.name, json.loads((folder / "record.json").read_text(encoding="utf-8"))
    use = record.get("use", "generation")
    dataset = record["dataset"]
    learnt = f"`{dataset['name']}`: {dataset['count']:,} pictures ({dataset['source']}; {dataset['licence']})"
    notice = f" [Notice](../models/starter/{name}/{NOTICE_FILE})." if (folder / NOTICE_FILE).exists() else ""
    return "\n".join(
        [
            f"## {name}\n",
            f"![{name}: {SHOWN[use]}]({name}.png)\n",
            f"Learnt from {learnt}, {dataset['attribution']}.{notice}\n",
            *(_training(training) for training in record["trainings"]),
            f"\nWeights: {record['weights']['bytes'] / 1e6:.1f} MB. Measured on {described(record['machine'])}.\n",
            SCORES[use](record["judgement"]),
        ]
    )


def _training(training: dict[str, Any]) -> str:
    spec, minutes = training["spec"], training["minutes"]
    config = ", ".join(f"{option} {value}" for option, value in spec["config"].items())
    begins = f", from `{spec['init']}`" if "init" in spec else ""
    time = "" if minutes is None else f" in {minutes:.0f} minutes"
    numbers = f" ({config})" if config else ""
    return f"- `{spec['recipe']}`{begins}{numbers}: {training['images_seen']:,} images{time}"


def _scores(judgement: dict[str, Any]) -> str:
    reals = judgement["reals"]
    rows = [
        "| | drawn | reals |",
        "|---|---|---|",
        f"| pictures | {judgement['images']:,} | |",
        f"| read as asked | {judgement['label_accuracy']:.2%} | {reals['label_accuracy']:.2%} |",
        f"| of the worst class | {min(judgement['per_class_accuracy']):.1%} | |",
        f"| FD | {judgement['frechet_distance']:.3f} | {judgement['floor']:.3f} |",
        f"| FD / floor | {judgement['ratio']:.2f} | 1 |",
        f"| KID | {judgement['kid']:.4f} | {reals['kid']:.4f} |",
        f"| precision | {judgement['precision']:.3f} | {reals['precision']:.3f} |",
        f"| recall | {judgement['recall']:.3f} | {reals['recall']:.3f} |",
    ]
    return "\n".join(rows) + "\n"


def _completed(judgement: dict[str, Any]) -> str:
    rows = [
        "| | completed |",
        "|---|---|",
        f"| test digits, {judgement['hole']} x {judgement['hole']} px missing | {judgement['pictures']:,} |",
        f"| read right | {judgement['accuracy']:.2%} |",
        f"| FD | {judgement['frechet_distance']:.3f} (floor {judgement['floor']:.3f}) |",
        f"| PSNR in the hole | {judgement['psnr']:.2f} dB |",
    ]
    return "\n".join(rows) + f"\n\nBeside simpler ways: {MORE}\n"


def _named(judgement: dict[str, Any]) -> str:
    low, high = judgement["accuracy_low"], judgement["accuracy_high"]
    rows = [
        "| | |",
        "|---|---|",
        f"| test digits | {judgement['images']:,} |",
        f"| read right | {judgement['accuracy']:.2%} ({low:.2%} to {high:.2%}) |",
        f"| ECE, calibrated | {judgement['ece_calibrated']:.4f} |",
    ]
    return "\n".join(rows) + f"\n\nWhat it takes for what: {MORE}\n"


def _spoken(judgement: dict[str, Any]) -> str:
    drawn, real = judgement["drawn"], judgement["real"]
    rows = [
        "| | drawn | real |",
        "|---|---|---|",
        f"| clips | {drawn['clips']:,} | {real['clips']:,} |",
        f"| understood | {drawn['share']:.1%} | {real['share']:.1%} |",
        f"| silent | {drawn['silent']:.1%} | {real['silent']:.1%} |",
    ]
    return "\n".join(rows) + f"\n\nMore: {MORE}\n"


MORE = "[applications.md](applications.md)."
SCORES = {"generation": _scores, "completion": _completed, "classification": _named, "speech": _spoken}
