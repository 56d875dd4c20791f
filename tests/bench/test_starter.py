"""How a starter is made: what is trained, what is taken of it, what is written, and what is refused."""

import io
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench import avatars, speech, starter, starter_data
from bench.judge.kinds import KINDS
from bench.starter import STARTERS, Starter
from bench.starter_uses import ClassificationUse, CompletionUse, GenerationUse, SpeechUse, Use, Version
from core.datasets import BUNDLED, DatasetStore
from core.registry import Registry
from core.runs import Run
from core.settings import Settings
from core.store import Store
from ganymede.schemas.states import Best
from models.resolution import resolve
from models.sizes import MLPClassifierConfig, UNetConfig
from models.starters import AVATARS, DIGITS, DIGITS_COMPLETE, DIGITS_READER, SPOKEN_DIGITS, install_starters
from tests.classifiers import publish_classifier
from tests.fixtures import PublishTiny
from tests.sounds import sound, tone

SMALL = {"steps": 2, "batch_size": 16, "width": 16, "latent_dim": 4, "extractor": "none"}
ANYTHING = GenerationUse(least_accuracy=0.0, most_ratio=math.inf, rows=2)
TINY = Starter(recipe="cgan", seed=1, trainings=(SMALL, {**SMALL, "steps": 3}), use=ANYTHING)
GOOD: dict[str, Any] = {"label_accuracy": 1.0, "ratio": 1.0}
UNDERSTOOD = {"drawn": {"share": 0.95, "silent": 0.0}, "real": {"share": 1.0}}


@pytest.fixture(scope="module")
def made() -> Iterator[pytest.MonkeyPatch]:
    """A starter of two trainings of a few steps, judged by 100 pictures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STARTERS, DIGITS, TINY)
        patch.setitem(KINDS, DIGITS, replace(KINDS[DIGITS], comparable=100))
        yield patch


@pytest.fixture(scope="module")
def runs(made: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """What `main` trains."""
    settings = Settings(home=tmp_path_factory.mktemp("starter"))
    dataset = starter_data.dataset_of(DIGITS, Store(settings.store_path))
    return starter.trained(DIGITS, dataset, settings)


@pytest.fixture
def written(made: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where starters and pictures go, instead of the checkout."""
    monkeypatch.setattr(starter, "FOLDER", tmp_path / "starter")
    monkeypatch.setattr(starter, "PICTURES", tmp_path)
    return tmp_path


def test_each_training_goes_on_from_where_the_one_before_it_ended(runs: list[Run]) -> None:
    first, second = (run.spec() for run in runs)

    assert first.init is None
    assert second.init is not None
    assert second.init.reference == f"run:{runs[0].id}@0-2"
    assert (second.init.counterpart, second.init.labels) == ("kept", "kept")
    assert [run.state().progress.step for run in runs] == [2, 3]


def test_what_was_trained_is_not_trained_again_unless_its_numbers_are_others(
    runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = runs[0].store
    dataset = DatasetStore(store).get(BUNDLED).manifest

    again = [starter.the_run(store, starter.request(DIGITS, SMALL, dataset, []), dataset) for _ in range(2)]
    longer = starter.the_run(store, starter.request(DIGITS, {**SMALL, "steps": 9}, dataset, []), dataset)

    assert [run.id for run in again] == [runs[0].id] * 2
    assert longer.id not in [run.id for run in runs]


def test_what_is_written_is_a_starter_with_its_record_and_its_picture(
    runs: list[Run], written: Path, store: Store
) -> None:
    starter.finish(DIGITS, runs)

    record = json.loads((written / "starter" / DIGITS / "record.json").read_text())
    install_starters(Registry(store), written / "starter")
    assert [path.name for path in sorted((written / "starter" / DIGITS).iterdir())] == [
        *("generator.safetensors", "manifest.json", "record.json", "samples.webp")
    ]
    assert (written / "digits.png").read_bytes().startswith(b"\x89PNG")
    assert Registry(store).manifest(DIGITS, 1).run == runs[-1].id
    assert record["weights"] == Registry(store).manifest(DIGITS, 1).files["generator.safetensors"].model_dump()
    assert (record["dataset"]["name"], record["dataset"]["count"]) == (BUNDLED, 10_000)
    assert record["taken_from"] == runs[-1].id
    assert record["machine"]["cores"] >= 1
    assert record["made_by"] == "python -m bench.starter digits"


def test_the_record_has_every_training_and_the_whole_judgement(runs: list[Run], written: Path) -> None:
    starter.finish(DIGITS, runs)

    record = json.loads((written / "starter" / DIGITS / "record.json").read_text())
    trainings, judgement = record["trainings"], record["judgement"]
    assert [training["run"] for training in trainings] == [run.id for run in runs]
    assert [training["images_seen"] for training in trainings] == [2 * 16, 3 * 16]
    assert all(training["minutes"] >= 0 and training["execution"]["device"] for training in trainings)
    assert trainings[1]["spec"]["init"] == f"run:{runs[0].id}@latest"
    assert trainings[0]["spec"]["config"]["steps"] == 2
    assert judgement.keys() == {
        *("images", "label_accuracy", "per_class_accuracy", "frechet_distance", "floor", "ratio"),
        *("kid", "precision", "recall", "reals"),
    }
    assert judgement["reals"].keys() == {"label_accuracy", "kid", "precision", "recall"}


def test_a_starter_that_misses_a_bar_is_refused_and_nothing_is_written(
    runs: list[Run], written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STARTERS, DIGITS, replace(TINY, use=replace(ANYTHING, least_accuracy=0.993)))

    with pytest.raises(SystemExit, match=r"refused: .*% are read as asked, 99\.3% are needed"):
        starter.finish(DIGITS, runs)

    assert list(written.iterdir()) == []


def test_the_best_evaluated_version_of_all_trainings_is_taken(runs: list[Run]) -> None:
    def evaluate(run: Run, best: Best | None) -> None:
        run.change(lambda now: now.model_copy(update={"best": best}))

    unevaluated = starter.best_of(runs)
    for run, value in zip(runs, (0.1, 0.2), strict=True):
        evaluate(run, Best(metric="kid", value=value, branch=0, step=2))
    evaluated = starter.best_of(runs)
    for run in runs:
        evaluate(run, None)

    assert (unevaluated.id, evaluated.id) == (runs[1].id, runs[0].id)


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        (DIGITS, {"label_accuracy": 0.9929}, "99.29% are read as asked, 99.3% are needed"),
        (DIGITS, {"ratio": 2.01}, "FD is 2.01 times the floor, 2 is the most"),
        (AVATARS, {"label_accuracy": 0.9899}, "98.99% are read as asked, 99.0% are needed"),
        (AVATARS, {"ratio": 3.01}, "FD is 3.01 times the floor, 3 is the most"),
        (AVATARS, {"ratio": math.nan}, "FD is nan times the floor, 3 is the most"),
    ],
)
def test_a_bar_that_is_missed_is_named(name: str, change: dict[str, float], told: str) -> None:
    least, most = {DIGITS: (0.993, 2.0), AVATARS: (0.99, 3.0)}[name]
    use = GenerationUse(least_accuracy=least, most_ratio=most, rows=2)

    assert starter.missed_bars(use, GOOD, 6_000_000) == []
    assert starter.missed_bars(use, GOOD | change, 6_000_000) == [told]
    assert starter.missed_bars(use, GOOD, 6_000_001) == ["the weights have 6,000,001 bytes, 6,000,000 are the most"]


@pytest.mark.parametrize(
    ("use", "judgement", "told"),
    [
        (CompletionUse(least_accuracy=0.9), {"accuracy": 0.9}, []),
        (CompletionUse(least_accuracy=0.9), {"accuracy": 0.8999}, ["89.99% are read right, 90.0% are needed"]),
        (ClassificationUse(least_accuracy=0.993), {"accuracy": 0.9929}, ["99.29% are read right, 99.3% are needed"]),
        (SpeechUse(least_share=0.95), UNDERSTOOD, []),
        (
            SpeechUse(least_share=0.95),
            {**UNDERSTOOD, "drawn": {"share": 0.94, "silent": 0.01}},
            ["94.0% are understood, 0.95 of 100.0% are needed", "1.0% are silent"],
        ),
    ],
)
def test_each_use_has_bars_of_its_own(use: Use, judgement: dict[str, Any], told: list[str]) -> None:
    assert starter.missed_bars(use, judgement, 0) == told


def test_what_completes_is_judged_by_test_digits_and_shown_with_its_drafts(
    registry: Registry, publish_tiny: PublishTiny, mnist: Path
) -> None:
    sizes = UNetConfig(image_size=28, channels=1, latent_dim=4, width=32, num_classes=0)
    publish_tiny(DIGITS_COMPLETE, config=sizes)
    version = Version(registry, DIGITS_COMPLETE, 1, mnist)

    judgement = CompletionUse(least_accuracy=0.9).judgement(version)
    shown = Image.open(io.BytesIO(CompletionUse(least_accuracy=0.9).picture(version)))

    assert (judgement["pictures"], judgement["hole"]) == (20, 14)
    assert judgement["frechet_distance"] is None  # of so few
    assert shown.size == (20 * 28, 6 * 28)  # hole, four drafts, what was there


def test_what_reads_is_judged_by_test_digits(registry: Registry, mnist: Path, tmp_path: Path) -> None:
    sizes = MLPClassifierConfig(image_size=28, channels=1, latent_dim=4, width=32, num_classes=10)
    publish_classifier(
        registry, tmp_path / "reader", DIGITS_READER, sizes, metrics={"temperature": 2.0}, class_names="0123456789"
    )
    version = Version(registry, DIGITS_READER, 1, mnist)

    judgement = ClassificationUse(least_accuracy=0.993).judgement(version)

    assert (judgement["images"], judgement["temperature"], np.sum(judgement["confusion"])) == (20, 2.0, 20)
    assert ClassificationUse(least_accuracy=0.993).picture(version).startswith(b"\x89PNG")


def test_the_avatars_are_learnt_from_with_their_licence(store: Store, tmp_path: Path) -> None:
    manifest = starter_data.avatars(store, tmp_path / "kept", per_class=2)

    assert (manifest.name, manifest.count, manifest.licence) == (AVATARS, 16, "CC0-1.0")
    assert manifest.class_names == list(avatars.STYLES)
    assert "Pablo Stanley" in str(manifest.attribution)
    assert resolve(starter.request(AVATARS, {}, manifest, []), manifest).network.num_classes == 8


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    """The four files of MNIST, as if it were twenty pictures of noise."""
    folder = tmp_path / "mnist"
    folder.mkdir()
    images = np.random.default_rng(0).integers(0, 255, (20, 28, 28), np.uint8)
    for name, array in (("images-idx3", images), ("labels-idx1", np.arange(20, dtype=np.uint8) % 10)):
        header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
        for part in ("train", "t10k"):
            (folder / f"{part}-{name}-ubyte").write_bytes(header + array.tobytes())
    return folder


def test_digits_from_all_of_mnist_are_a_dataset_of_its_own(store: Store, mnist: Path) -> None:
    whole = starter_data.dataset_of(DIGITS, store, mnist)
    bundled = starter_data.dataset_of(DIGITS, store)

    assert (whole.name, whole.count, whole.licence) == (starter_data.MNIST, 20, "CC-BY-SA-3.0")
    assert whole.class_names == bundled.class_names
    assert whole.digest != bundled.digest
    requests = [starter.request(DIGITS, {}, dataset, []) for dataset in (whole, bundled)]
    assert [request.dataset for request in requests] == [starter_data.MNIST, BUNDLED]


def test_mnist_is_for_digits_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        starter.main([AVATARS, "--mnist", str(tmp_path)])

    assert "--mnist is for digits, digits-complete, digits-reader alone" in capsys.readouterr().err


@pytest.mark.parametrize("name", [DIGITS_COMPLETE, DIGITS_READER])
def test_what_test_digits_judge_needs_them(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        starter.main([name])

    assert f"{name} is judged by MNIST's test digits: add --mnist FOLDER" in capsys.readouterr().err


def test_spoken_words_are_learnt_from_as_their_zip_would_be(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By tones in the place of voices."""
    monkeypatch.setattr(speech, "spoken", lambda word, voice: sound(tone(200.0 + 50 * speech.WORDS.index(word))))

    manifest = starter_data.spoken(store, per_word=2)

    assert (manifest.name, manifest.count, manifest.medium) == (SPOKEN_DIGITS, 20, "audio")
    assert manifest.class_names == sorted(speech.WORDS)
    assert manifest.class_counts == [2] * 10
    assert "GNU General Public License" in str(starter_data.notice_of(SPOKEN_DIGITS))
