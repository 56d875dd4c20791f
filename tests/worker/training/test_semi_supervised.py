"""The recipe ssgan: what it learns from, what it is judged by, what it publishes."""

from typing import Any

import numpy as np
import pytest
import torch

from core.datasets import Dataset
from core.registry import Registry
from core.runs import Run
from core.store import Store
from ganymede.schemas.diagnosis import Verdict
from models.classifier import PictureClassifier
from models.sampling import read
from models.splits import split
from models.weights import load_generator
from tests.worker.conftest import CreateRun, TrainHere
from tests.worker.evaluation.test_hook import points
from tests.worker.test_resume import cut_off
from worker.evaluation.judged import read_judged
from worker.training.execution import Execution
from worker.training.learning_set import batches_of, labelled_places
from worker.training.methods import method_of
from worker.training.state import TrainState, new_state
from worker.training.supervised import train_supervised
from worker.training.trainer import Trainer

CPU = Execution(device="cpu", precision="float32", threads=1)
SCORES = {"accuracy", "accuracy_low", "accuracy_high", "temperature", "ece", "ece_calibrated", "baseline_accuracy"}
KINDS = pytest.mark.parametrize("architecture", ["mlp", "dcgan"])


def begin(create_run: CreateRun, **config: object) -> TrainState:
    run = create_run(recipe="ssgan", ema_half_life=100, lr_schedule="constant", **config)
    return new_state(run.spec().resolved, CPU)


@KINDS
def test_it_learns_to_name_the_class_from_four_labels_of_each(
    create_run: CreateRun, shapes: Dataset, architecture: str
) -> None:
    state = begin(create_run, steps=80, architecture=architecture, labels_per_class=4, discriminator_lr=3e-3)
    labels_N = shapes.labels()
    assert labels_N is not None

    Trainer(state, method_of(state.resolved), batches_of(state, shapes.images(), labels_N), []).fit()

    others_N = np.setdiff1d(np.arange(96), labelled_places(state.resolved, labels_N))
    named = read(state.ema, shapes.images()[others_N]).argmax(axis=1)
    assert (named == labels_N[others_N]).mean() > 0.8
    assert state.labelled is not None
    assert len(state.labelled) == 12


def test_pictures_of_the_test_are_never_learnt_from(create_run: CreateRun, shapes: Dataset) -> None:
    state = begin(create_run, labels_per_class=4)
    images_NHWC, labels_N = shapes.images(), shapes.labels()
    assert labels_N is not None
    batches = batches_of(state, images_NHWC, labels_N)
    places = {images_NHWC[i].tobytes(): i for i in range(96)}

    seen = {
        places[np.rint((image + 1) * 127.5).astype(np.uint8).transpose(1, 2, 0).tobytes()]
        for _ in range(20)
        for image in batches.next()[0].numpy()
    }

    parts = split(96)
    assert seen == set(parts.learnt_N.tolist())
    assert np.isin(labelled_places(state.resolved, labels_N), parts.learnt_N).all()


def test_labels_of_other_pictures_change_nothing(create_run: CreateRun, shapes: Dataset) -> None:
    labels_N = shapes.labels()
    assert labels_N is not None
    trained = []
    for shuffled in (False, True):
        state = begin(create_run, steps=5, labels_per_class=4)
        batches = batches_of(state, shapes.images(), labels_N)
        if shuffled:
            others = np.setdiff1d(np.arange(96), labelled_places(state.resolved, labels_N))
            batches._labels_N[torch.from_numpy(others)] = 0  # type: ignore[index]
        Trainer(state, method_of(state.resolved), batches, []).fit()
        trained.append(state.counterpart.state_dict())

    assert all(torch.equal(trained[0][name], trained[1][name]) for name in trained[0])


def publishing(create_run: CreateRun, **config: object) -> Run:
    return create_run(recipe="ssgan", extractor="auto", evaluate_every=10, report_every=5, labels_per_class=4, **config)


def test_a_run_publishes_classifiers_with_what_their_test_found(
    create_run: CreateRun, train_here: TrainHere, store: Store, shapes: Dataset
) -> None:
    run = publishing(create_run, publish={"every_steps": 10})

    assert train_here(run) == "succeeded"

    registry = Registry(store)
    manifest = registry.manifest("shapes", registry.versions("shapes")[-1])
    assert (manifest.task, manifest.medium, manifest.architecture) == ("classification", "image", "mlp-classifier")
    assert manifest.measured.keys() >= SCORES
    assert manifest.confusion is not None
    confusion = np.array(manifest.confusion)
    assert confusion.sum() == len(split(96).test_N) == 9
    assert confusion.trace() / 9 == pytest.approx(manifest.measured["accuracy"])
    assert manifest.measured["accuracy_low"] <= manifest.measured["accuracy"] <= manifest.measured["accuracy_high"]
    network, _ = load_generator(registry.folder("shapes", 1) / "generator.safetensors")
    assert isinstance(network, PictureClassifier)
    assert len(list(run.samples.glob("*.webp"))) > 0
    state = run.state()
    assert state.evaluation_step == 20
    assert state.best is not None
    assert state.best.metric == "accuracy"
    assert state.best.value == max(point["accuracy"] for point in points(run) if "accuracy" in point)
    assert state.diagnosis is not None
    assert state.diagnosis.verdict in (Verdict.WARMING_UP, Verdict.HEALTHY)


def test_the_same_network_with_the_labels_alone_is_trained_once(
    create_run: CreateRun, train_here: TrainHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[int] = []

    def noted(*asked: Any) -> PictureClassifier:
        trained.append(1)
        return train_supervised(*asked)

    monkeypatch.setattr("worker.evaluation.classification.train_supervised", noted)
    run = publishing(create_run)
    cut_off(run, 15, train_here, monkeypatch)

    train_here(run)

    judged = read_judged(run)
    assert judged is not None
    assert judged.baseline is not None
    assert trained == [1]
    assert judged.images == 9
    assert "12 labels alone, 20 steps" in judged.reason
    assert {point["baseline_accuracy"] for point in points(run) if "accuracy" in point} == {
        judged.baseline["baseline_accuracy"]
    }


def test_a_discriminator_that_is_always_right_is_no_trouble(create_run: CreateRun, train_here: TrainHere) -> None:
    run = create_run(
        recipe="ssgan", steps=400, report_every=1, checkpoint_every=200, generator_lr=1e-9, discriminator_lr=3e-3
    )

    train_here(run)

    assert np.mean([point["d_fake_accuracy"] for point in points(run)[-50:]]) > 0.9
    told = {event.data.get("verdict") for event in run.events() if event.type == "diagnosis"}
    assert told <= {Verdict.WARMING_UP, Verdict.HEALTHY}


def test_a_run_goes_on_from_a_version_of_its_own(create_run: CreateRun, train_here: TrainHere, store: Store) -> None:
    train_here(create_run(recipe="ssgan", publish={"every_steps": 20, "final": "last"}))

    train_here(create_run(recipe="ssgan", init="shapes@1", steps=1, discriminator_lr=1e-9, ema_half_life=0))

    folder = Registry(store).folder
    first, second = (load_generator(folder("shapes", n) / "generator.safetensors")[0].state_dict() for n in (1, 2))
    assert all(torch.allclose(first[name], second[name], atol=1e-5) for name in first)
