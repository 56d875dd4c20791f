"""docs/applications.md: what completion, classification and speech are worth. What was not measured is not shown.

From the files of bench.applications, and the records of the starters."""

from collections.abc import Iterator
from pathlib import Path

from bench.machine import described
from bench.records import read_records
from docs.pages.records import Found

BEGINS = """# What the other uses are worth

Besides drawing, models fill holes of pictures (`/complete`), name what pictures show (`/classify`) and speak
(`/generate`, as WAV). Each is measured here beside something simpler; the files are in
[benchmarks/applications](benchmarks/applications). This page is made by `python docs/generate.py`.
"""

COMPLETION = """## Completion

`python -m bench.applications completion --mnist FOLDER`. A square of 14 x 14 px is missing in the middle of each of
MNIST's test digits: a quarter of the picture, with two thirds of the ink. No way of filling it has seen these
digits or is told what they show. The judge of the digits ([starters.md](starters.md)) reads the pictures
afterwards; right is what the whole one shows. FD is to the whole test digits and KID to other digits, in its
features; PSNR is that of the hole. A good draft that is another one than what was there costs PSNR, and blur gains
it.

What is pasted from a real digit has the FD of real digits: no way of drawing can be expected to come below it.
"""

FILLED = "| hole filled by | read right | 95 % interval | FD | KID | PSNR, dB | ms a picture |\n" + "|---" * 7 + "|"
WAYS = {
    "network": "`digits-complete`",
    "mean": "mean of the 60,000 training digits",
    "nearest": "training digit whose known pixels are nearest",
    "biharmonic": "biharmonic inpainting (scikit-image)",
    "real": "nothing missing",
    "search": "`method=search` with `digits`",
}

CLASSIFICATION = """## Classification

MNIST's 10,000 test digits, which no training and no choice of a checkpoint has seen. ECE: expected calibration error
in 15 bins, as trained and at the temperature of the version, which was fitted to other pictures
([metrics.md](metrics.md#classifiers)).
"""

SPEECH = """## Speech

`python -m bench.applications speech STORE MODEL`: a judge that learnt the words in held-out voices reads what a model
says, and real words, both through spectrogram and Griffin-Lim ([speech.md](speech.md)). FD and KID are in its
features.
"""


def applications_page(measured: Path, starters: Path) -> str:
    """measured: the folder of JSON files. starters: the folder of the models that come with the package."""
    parts = [BEGINS, *_completion(measured), *_classification(measured, starters), *_speech(starters)]
    return "\n".join(parts)


def _completion(measured: Path) -> Iterator[str]:
    for result in read_records(measured, "completion-*.json"):
        yield COMPLETION
        yield "![Test digits with a hole, four drafts each, and what was there](digits-complete.png)\n"
        yield "From above: the hole, four drafts of four seeds, what was there.\n"
        yield FILLED
        yield from (_way(way, found) for way, found in result["ways"].items())
        count = result["ways"]["network"]["pictures"]
        yield (
            f"\n{count:,} digits; FD of other real digits: {result['floor']:.3f}. The network learnt from "
            f"{result['images_seen']:,} digits, in {result['minutes']:.0f} minutes of a busy core. Two drafts "
            f"of a hole differ by {result['drafts_differ']:.3f} in the mean (of 1), two real digits by "
            f"{result['reals_differ']:.3f}. "
            f"{_machine(result)}\n"
        )
        yield from _sample(result["of_a_sample"])


def _sample(of_a_sample: Found) -> Iterator[str]:
    if not of_a_sample:
        return
    yield f"A search takes long, so it filled the first {of_a_sample['search']['pictures']} of them alone:\n"
    yield FILLED
    yield from (_way(way, found) for way, found in of_a_sample.items())
    yield "\nOne core, one search after the other. FD and KID need more pictures.\n"


def _way(way: str, found: Found) -> str:
    interval = f"{found['accuracy_low']:.1%} to {found['accuracy_high']:.1%}"
    numbers = [
        _number(found["frechet_distance"], ".3f"),
        _number(found["kid"], ".4f"),
        _number(found["psnr"], ".2f"),
        _number(found["milliseconds"], ".1f"),
    ]
    return f"| {WAYS[way]} | {found['accuracy']:.2%} | {interval} | {' | '.join(numbers)} |"


def _number(number: float | None, form: str) -> str:
    return "" if number is None else format(number, form)


def _classification(measured: Path, starters: Path) -> Iterator[str]:
    rows = []
    for record in read_records(starters, "digits-reader/record.json"):
        labels = record["dataset"]["count"] - 4000
        rows.append(_reader(f"`digits-reader`: `ssgan`, convolutional, {labels:,} labels", record["judgement"]))
    for result in read_records(measured, "ssgan-mnist-*.json"):
        rows.append(_reader(f"`ssgan`, fully connected, {result['labels']:,} labels", result["test"]))
        alone = result["baseline"]
        share, interval = _share(alone)
        rows.append(f"| the same network, the same {result['labels']:,} labels alone | {share} | {interval} | | |")
    if rows:
        yield CLASSIFICATION
        yield "| | right | 95 % interval | ECE | ECE, calibrated |\n|---|---|---|---|---|"
        yield from rows
        yield ""
    for record in read_records(starters, "digits-reader/record.json"):
        yield from _confusion(record["judgement"]["confusion"])


def _reader(name: str, found: Found) -> str:
    share, interval = _share(found)
    return f"| {name} | {share} | {interval} | {found['ece']:.4f} | {found['ece_calibrated']:.4f} |"


def _share(found: Found) -> tuple[str, str]:
    return f"{found['accuracy']:.2%}", f"{found['accuracy_low']:.2%} to {found['accuracy_high']:.2%}"


def _confusion(counts: list[list[int]]) -> Iterator[str]:
    digits = range(len(counts))
    yield "What `digits-reader` takes for what; a row is what a digit is:\n"
    yield f"| | {' | '.join(map(str, digits))} |\n|---|{'---|' * len(counts)}"
    yield from (f"| **{digit}** | {' | '.join(str(count or '') for count in counts[digit])} |" for digit in digits)
    yield ""


def _speech(starters: Path) -> Iterator[str]:
    for record in read_records(starters, "spoken-digits/record.json"):
        found = record["judgement"]
        drawn, real, far = found["drawn"], found["real"], found["distance"]
        yield SPEECH
        yield "| | `spoken-digits` | real words |\n|---|---|---|"
        yield f"| clips | {drawn['clips']:,} | {real['clips']:,} |"
        yield f"| understood | {drawn['share']:.1%} | {real['share']:.1%} |"
        yield f"| 95 % interval | {_interval(drawn)} | {_interval(real)} |"
        yield f"| of the worst word | {min(drawn['by_word'].values()):.1%} | {min(real['by_word'].values()):.1%} |"
        yield f"| silent | {drawn['silent']:.1%} | {real['silent']:.1%} |"
        yield f"| FD | {far['frechet_distance']:.3f} | {far['floor']:.3f} |"
        yield f"| KID | {far['kid']:.4f} | {far['kid_floor']:.4f} |"
        yield f"\nLearnt from {found['images_seen']:,} clips. {_machine(found)}\n"


def _interval(understood: Found) -> str:
    return f"{understood['least']:.1%} to {understood['most']:.1%}"


def _machine(result: Found) -> str:
    return f"Measured on {described(result['machine'])}."
