"""`publish.classifier`: the discriminator of acgan beside its generator, as a model that classifies."""

import numpy as np
import pytest
import torch

from core.datasets import Dataset
from core.errors import InvalidRequest
from core.registry import Registry
from core.runs.checkpoints import list_checkpoints
from core.store import Store
from models.classifier import PictureClassifier
from models.heads import class_head
from models.networks import network_config
from models.probabilities import probabilities
from models.sampling import read, to_uint8
from models.splits import split
from models.weights import load_version
from tests.worker.conftest import CreateRun, TrainHere
from tests.worker.test_resume import cut_off, weights
from worker.training.batches import Batches
from worker.training.execution import Execution
from worker.training.learning_set import batches_of
from worker.training.scores.calibration import calibration_error, fit_temperature
from worker.training.state import new_state

MEASURED = {"accuracy", "accuracy_low", "accuracy_high", "temperature", "ece", "ece_calibrated"}


def test_each_version_has_its_classifier_beside_it(
    create_run: CreateRun, train_here: TrainHere, store: Store, shapes: Dataset
) -> None:
    run = create_run(
        recipe="acgan",
        steps=60,
        discriminator_lr=2e-3,
        publish={"every_steps": 30, "classifier": "shapes-read", "final": "last"},
    )

    assert train_here(run) == "succeeded"

    registry = Registry(store)
    assert registry.versions("shapes") == registry.versions("shapes-read") == [1, 2]
    manifest = registry.manifest("shapes-read", 2)
    assert (manifest.task, manifest.architecture, manifest.recipe) == ("classification", "dcgan-classifier", "acgan")
    assert manifest.step == 60
    assert manifest.measured.keys() >= MEASURED
    assert "fd" not in manifest.measured  # those of the generator are beside its own version
    assert manifest.confusion is not None
    assert np.sum(manifest.confusion) == len(split(96).test_N)
    network, _ = load_version(registry.folder("shapes-read", 2), manifest)
    assert isinstance(network, PictureClassifier)
    assert (read(network, shapes.images()).argmax(axis=1) == shapes.labels()).mean() > 0.9
    assert sorted((each.model, each.version) for each in run.state().published) == [
        *(("shapes", 1), ("shapes", 2)),
        *(("shapes-read", 1), ("shapes-read", 2)),
    ]
    assert (list_checkpoints(run)[0].folder / "classifier").is_dir()


def test_a_killed_run_publishes_the_same_classifier(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = {"every_steps": 9, "classifier": "shapes-read"}
    config = {"recipe": "acgan", "steps": 9, "checkpoint_every": 4, "publish": publish}
    train_here(create_run(**config))
    killed = create_run(**config, report_every=1)
    cut_off(killed, 7, train_here, monkeypatch)

    train_here(killed)

    first, second = weights(store, "shapes-read", 1), weights(store, "shapes-read", 2)
    assert first == second
    assert weights(store, "shapes", 1) == weights(store, "shapes", 2)


def test_its_temperature_and_its_test_are_of_pictures_that_the_run_has_not_learnt_from(
    create_run: CreateRun, train_here: TrainHere, store: Store, shapes: Dataset
) -> None:
    """The numbers of the manifest are found again from the weights and the pictures."""
    config = {"recipe": "acgan", "steps": 6, "checkpoint_every": 6}
    run = create_run(**config, publish={"every_steps": 6, "classifier": "shapes-read"})
    train_here(run)
    manifest, parts, labels_N = Registry(store).manifest("shapes-read", 1), split(96), shapes.labels()
    assert labels_N is not None

    network, _ = load_version(Registry(store).folder("shapes-read", 1), manifest)
    held_out_NK, test_NK = (read(network, shapes.images()[each]) for each in (parts.held_out_N, parts.test_N))

    temperature = fit_temperature(held_out_NK, labels_N[parts.held_out_N])
    assert manifest.measured["temperature"] == pytest.approx(temperature)
    told = manifest.measured["ece_calibrated"]
    assert told == pytest.approx(calibration_error(probabilities(test_NK, temperature), labels_N[parts.test_N]))
    state = new_state(run.spec().resolved, Execution(device="cpu", precision="float32", threads=1))
    batches = batches_of(state, shapes.images(), labels_N)
    seen = {to_uint8(image[None]).numpy().tobytes() for _ in range(20) for image in batches.next()[0]}
    assert seen == {shapes.images()[place].tobytes() for place in parts.learnt_N}


@pytest.mark.parametrize(
    ("recipe", "name"), [("cgan", "shapes-read"), ("ssgan", "shapes-read"), ("acgan", "shapes"), ("vae", "x")]
)
def test_only_a_discriminator_that_names_classes_has_a_model_of_its_own(
    create_run: CreateRun, recipe: str, name: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        create_run(recipe=recipe, publish={"classifier": name})

    assert [problem.pointer for problem in refused.value.problems] == ["/publish/classifier"]


def test_pixels_are_read_as_they_were_learnt(create_run: CreateRun, shapes: Dataset) -> None:
    cpu = Execution(device="cpu", precision="float32", threads=1)
    state = new_state(create_run(recipe="acgan").spec().resolved, cpu)
    x_BCHW, label_B = Batches(shapes.images(), shapes.labels(), 96, 0, torch.device("cpu")).next()

    head = class_head(state.counterpart, network_config(state.resolved))

    picture_BHWC = np.rint((x_BCHW.permute(0, 2, 3, 1).numpy() + 1) * 127.5).astype(np.uint8)
    with torch.inference_mode():
        judged = state.counterpart(x_BCHW, label_B)
    assert np.allclose(read(head.network, picture_BHWC), judged.class_BK.numpy(), atol=1e-5)
