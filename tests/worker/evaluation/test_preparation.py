"""What has to be there before a run is judged: which extractor it is, made once and kept, or missing and told."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from core.datasets import DatasetStore, ImageSet, Origin
from core.runs import Run, RunStore
from core.store import Store
from ganymede.schemas.specs import RunSpec
from models.resolution import resolve
from tests.fixtures import CLASSES
from tests.worker.conftest import CreateRun, TrainHere
from tests.worker.evaluation.test_hook import judged_by
from tests.worker.test_resume import cut_off
from worker.evaluation import judged as evaluation
from worker.training import stopping
from worker.training.scores import classifier, efficientnet


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A classifier of few epochs."""
    monkeypatch.setattr(classifier, "EPOCHS", (2, 2))


def test_the_classifier_of_a_dataset_is_trained_once_and_again_if_it_is_damaged(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = 0
    train = classifier.train

    def counted(*args: Any) -> tuple[bytes, float]:
        nonlocal trained
        trained += 1
        return train(*args)

    monkeypatch.setattr(classifier, "train", counted)
    runs = [create_run(extractor="classifier", steps=5) for _ in range(3)]

    train_here(runs[0])
    train_here(runs[1])
    after_two = trained
    (kept,) = store.path("extractors").glob("classifier-*/classifier.safetensors")
    kept.write_bytes(kept.read_bytes()[:-1])
    train_here(runs[2])

    assert (after_two, trained) == (1, 2)
    digests = [judged_by(run)[0]["extractor_digest"] for run in runs]
    assert digests[0] == digests[1] == digests[2]


def test_a_run_waits_while_another_makes_the_classifier_and_can_be_stopped_meanwhile(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_here(create_run(extractor="classifier", steps=5))
    (folder,) = (path for path in store.path("extractors").glob("classifier-*") if path.is_dir())
    waiting = create_run(extractor="classifier", steps=5)
    monkeypatch.setattr(stopping._Flag, "raised", True)

    with store.locked(f"extractors/{folder.name}.lock"):
        ended = train_here(waiting)

    assert ended == "preempted"
    assert waiting.state().checkpoint_step is None


@pytest.fixture
def unlabelled(store: Store) -> Callable[..., Run]:
    """A queued run on 40 grey images without classes."""
    images_NHWC = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8)
    dataset = DatasetStore(store).add("plain", ImageSet(images_NHWC, None, ()), Origin("a test"))

    def create(**config: Any) -> Run:
        body = {"recipe": "dcgan", "dataset": "plain", "config": {"steps": 4, "width": 16, "batch_size": 8, **config}}
        spec = RunSpec.model_validate(body)
        return RunStore(store).create(spec, resolve(spec, dataset.manifest), dataset.manifest)

    return create


def test_without_classes_and_without_the_package_a_run_is_not_judged_and_says_so(
    unlabelled: Callable[..., Run], train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(efficientnet, "PACKAGE", "a_package_that_is_not_there")
    run = unlabelled()

    assert train_here(run) == "succeeded"

    (told,) = judged_by(run)
    assert told["extractor"] == "none"
    assert "efficientnet-lite0 is not installed" in told["reason"]


@pytest.mark.parametrize(
    ("extractor", "said"), [("efficientnet-lite0", "pip install"), ("inception", "GANYMEDE_INCEPTION")]
)
def test_an_extractor_that_was_asked_for_and_cannot_be_used_fails_the_run_and_says_why(
    unlabelled: Callable[..., Run], train_here: TrainHere, extractor: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(efficientnet, "PACKAGE", "a_package_that_is_not_there")
    run = unlabelled(extractor=extractor)

    train_here(run)

    failure = run.state().failure
    assert failure is not None
    assert (failure.code, failure.retryable) == ("extractor_unusable", True)
    assert said in failure.message


def test_too_few_images_are_not_judged(store: Store, train_here: TrainHere) -> None:
    images_NHWC = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 1), np.uint8)
    few = DatasetStore(store).add("few", ImageSet(images_NHWC, np.arange(12) % 3, CLASSES), Origin("a test"))
    spec = RunSpec.model_validate({"recipe": "cgan", "dataset": "few", "config": {"steps": 2, "width": 16}})
    run = RunStore(store).create(spec, resolve(spec, few.manifest), few.manifest)

    assert train_here(run) == "succeeded"

    assert judged_by(run)[0]["reason"] == "the dataset has fewer than 16 images"


def test_an_extractor_with_other_weights_than_before_is_warned_of(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(extractor="classifier", report_every=1)
    cut_off(run, 7, train_here, monkeypatch)
    settled = store.read(f"{run.key}/{evaluation.FILE}")
    store.swap(f"{run.key}/{evaluation.FILE}", {**settled, "extractor_digest": "another"})
    warnings: list[str] = []
    monkeypatch.setattr(evaluation.log, "warning", warnings.append)

    train_here(run)

    assert len(warnings) == 1
    assert "other weights" in warnings[0]
