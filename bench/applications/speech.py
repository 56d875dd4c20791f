"""How many words of a model of spoken digits are understood: by a judge that learnt from other voices. Knows no HTTP.

    python -m bench.applications speech STORE MODEL [--per-word 100] [--voices 200] [--json FILE]

The judge is a small network that learns to read words spoken in the held-out voices of bench.speech. It hears, as do
the model's clips and the real ones beside them, what came through the spectrogram and Griffin & Lim: what the judge
reads wrong of real words is lost on the way, or differs from voice to voice, and no model can be asked for more.
FD and KID are in its features, to as many real words of the voices that the model learnt from; the floor is what other
real words of such voices get.

Shape suffixes: N clips, D features, H bands, W columns, C channels (1), S samples.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel

from bench import speech
from bench.machine import machine
from core.datasets.clip import read_clip
from core.media.images import Images
from core.media.sound import LOG_MEL
from core.media.sound.reconstruction import to_floats, to_samples
from core.media.sound.spectrogram import are_silent, to_picture
from core.refs import parse_model_ref
from core.registry import Registry
from core.store import Store
from models import sampling
from models.weights import load_version
from worker.training.execution import Execution
from worker.training.scores import classifier
from worker.training.scores.calibration import wilson
from worker.training.scores.extractor import extract
from worker.training.scores.frechet import frechet_distance, statistics
from worker.training.scores.kernel import kernel_distance

HERE = Execution(device="cpu", precision="float32", threads=1)

Labels = npt.NDArray[np.int64]


class UnderstoodWords(BaseModel):
    """Share of clips that are read as the word asked for, with a 95 % interval (Wilson)."""

    share: float
    least: float
    most: float
    clips: int
    by_word: dict[str, float]
    silent: float


class HeardDistance(BaseModel):
    """Of drawn clips to real ones, in the judge's features, and of other real ones (the floor)."""

    clips: int
    frechet_distance: float
    floor: float
    kid: float
    kid_floor: float


class SpeechResult(BaseModel):
    """What one measurement found."""

    model: str
    digest: str
    recipe: str
    images_seen: int
    drawn: UnderstoodWords
    real: UnderstoodWords
    distance: HeardDistance
    judge_held_out: float
    judge_clips: int
    machine: dict[str, object]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench.applications speech", description="Read the words of a model.")
    parser.add_argument("store", type=Path, help="folder of the store, as var/store")
    parser.add_argument("model", help="NAME, NAME@VERSION or NAME:ALIAS")
    parser.add_argument("--per-word", type=int, default=100, help="clips of each word, drawn and real")
    parser.add_argument("--voices", type=int, default=200, help="held-out voices that the judge learns from")
    parser.add_argument("--json", type=Path, help="where the numbers go, too")
    options = parser.parse_args(arguments)
    result = measure(Registry(Store(options.store)), options.model, options.per_word, options.voices)
    print(table(result))
    if options.json:
        options.json.write_text(json.dumps(result.model_dump(), indent=1) + "\n", encoding="utf-8")


def measure(registry: Registry, model: str, per_word: int, num_voices: int) -> SpeechResult:
    """Train the judge, draw the model's words, and have it read them and real ones."""
    ref = parse_model_ref(model)
    version = registry.resolve(ref)
    manifest = registry.manifest(ref.name, version)
    if manifest.audio is None or tuple(manifest.labels) != tuple(sorted(speech.WORDS)):
        raise SystemExit(f"{ref.name}@{version} has not learnt the digits of bench.speech")
    generator, config = load_version(registry.folder(ref.name, version), manifest)
    labels_N = np.repeat(np.arange(len(manifest.labels)), per_word)
    drawn = sampling.draw(
        generator.eval(), range(len(labels_N)), config.latent_dim, config.num_classes, labels=labels_N.tolist()
    )
    learnt_NHWC, learnt_N = words(num_voices, held_out=True)
    weights, accuracy = classifier.train(learnt_NHWC, learnt_N, len(speech.WORDS), HERE, lambda: None)
    judge = classifier.Classifier(weights, LOG_MEL.bands, 1, len(speech.WORDS), torch.device("cpu"))
    drawn_NHWC, (real_NHWC, real_N) = heard(drawn), words(2 * per_word, held_out=False)
    is_beside_N = np.arange(len(real_N)) % 2 == 0  # every second voice is read beside what was drawn
    return SpeechResult(
        model=f"{ref.name}@{version}",
        digest=manifest.digest,
        recipe=manifest.recipe,
        images_seen=manifest.images_seen,
        drawn=understood(judge, drawn_NHWC, labels_N),
        real=understood(judge, real_NHWC[is_beside_N], real_N[is_beside_N]),
        distance=distance(judge, drawn_NHWC, real_NHWC[is_beside_N], real_NHWC[~is_beside_N]),
        judge_held_out=accuracy,
        judge_clips=len(learnt_N),
        machine=dict(machine()),
    )


def words(count: int, *, held_out: bool) -> tuple[Images, Labels]:
    """Return every word in so many voices as it is heard (N, H, W, C), and which it is, by alphabet."""
    names = sorted(speech.WORDS)
    pictures, labels = [], []
    for place, wav in speech.all_spoken(count, held_out=held_out):
        pictures.append(read_clip(wav, LOG_MEL, speech.LONGEST_S).picture_HWC)
        labels.append(names.index(speech.WORDS[place]))
    return heard(pictures), np.array(labels, np.int64)


def heard(pictures: Iterable[Images]) -> Images:
    """Return the spectrograms of what spectrograms sound like (N, H, W, C)."""
    sounds = (to_samples(picture_HWC, LOG_MEL, seed) for seed, picture_HWC in enumerate(pictures))
    return np.stack([to_picture(to_floats(sound_S), LOG_MEL) for sound_S in sounds])


def understood(judge: classifier.Classifier, clips_NHWC: Images, labels_N: Labels) -> UnderstoodWords:
    read = [judge(clips_NHWC[i : i + 100]).class_N for i in range(0, len(clips_NHWC), 100)]
    is_right_N = np.concatenate([each for each in read if each is not None]) == labels_N
    names = sorted(speech.WORDS)
    least, most = wilson(int(is_right_N.sum()), len(is_right_N))
    return UnderstoodWords(
        share=float(is_right_N.mean()),
        least=least,
        most=most,
        clips=len(is_right_N),
        by_word={name: float(is_right_N[labels_N == label].mean()) for label, name in enumerate(names)},
        silent=float(are_silent(clips_NHWC, LOG_MEL).mean()),
    )


def distance(judge: classifier.Classifier, drawn_NHWC: Images, real_NHWC: Images, others_NHWC: Images) -> HeardDistance:
    """Compare drawn clips, and as many real ones, with other real ones."""
    sets = [extract(judge, [clips_NHWC], lambda: None).values_ND for clips_NHWC in (drawn_NHWC, real_NHWC, others_NHWC)]
    drawn_ND, real_ND, others_ND = sets
    gaussian = statistics(others_ND)
    return HeardDistance(
        clips=len(drawn_ND),
        frechet_distance=frechet_distance(*statistics(drawn_ND), *gaussian),
        floor=frechet_distance(*statistics(real_ND), *gaussian),
        kid=kernel_distance(drawn_ND, others_ND),
        kid_floor=kernel_distance(real_ND, others_ND),
    )


def table(result: SpeechResult) -> str:
    rows = [f"{result.model}  {result.recipe}  {result.images_seen:,} clips seen"]
    for name, found in (("drawn", result.drawn), ("real", result.real)):
        interval = f"{found.least:.1%} to {found.most:.1%}"
        rows.append(f"{name:<6} {found.share:6.1%} of {found.clips} understood ({interval}), {found.silent:.1%} silent")
    for word, share in result.real.by_word.items():
        rows.append(f"  {word:<6} {result.drawn.by_word[word]:6.1%}  real {share:6.1%}")
    far = result.distance
    rows.append(f"FD {far.frechet_distance:.3f} (real {far.floor:.3f}), KID {far.kid:.4f} (real {far.kid_floor:.4f})")
    rows.append(f"judge: {result.judge_held_out:.1%} right on held-out clips of its {result.judge_clips:,}")
    return "\n".join(rows)
