"""Checkpoints whose files were made to do harm: each is told to be damaged, and the one before it goes on."""

from pathlib import Path

import pytest
import torch

from core.errors import StoreDamaged
from core.runs.checkpoints import list_checkpoints
from core.store import files, list_files
from tests.corpus import hostile_documents
from tests.processes import PeakMemory
from tests.worker.conftest import CreateRun, TrainHere
from worker.checkpoints.checkpointing import TENSORS_FILE, load_training
from worker.training.execution import decide

MEMORY = 200 << 20  # bytes beyond what there was
FACTS = "training.json"


@pytest.fixture
def folder(create_run: CreateRun, train_here: TrainHere) -> Path:
    """The newest checkpoint of a run of five steps."""
    run = create_run(steps=5)
    train_here(run)
    return list_checkpoints(run)[0].folder


def refusals(create_run: CreateRun, folder: Path, corpus: list[tuple[str, bytes]], file: str) -> dict[str, str]:
    """What was not told to be damaged, or told at length."""
    resolved, execution = create_run(steps=5).spec().resolved, decide("cpu", "float32", 1)
    record, found = files.read_json(folder / FACTS, 1), {}
    for name, data in corpus:
        (folder / file).write_bytes(data)
        if file == TENSORS_FILE:
            listed = list_files(folder, TENSORS_FILE)
            facts = {name: {"bytes": each.bytes, "sha256": each.sha256} for name, each in listed.items()}
            files.write_json(folder / FACTS, {**record, "files": facts})
        try:
            load_training(folder, resolved, execution)
            found[name] = "taken"
        except StoreDamaged as error:
            found |= {} if len(str(error)) < 600 else {name: str(error)}
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"
    return found


def test_no_tensors_do_harm(create_run: CreateRun, folder: Path) -> None:
    whole = (folder / "generator" / "generator.safetensors").read_bytes()

    with PeakMemory() as memory:
        found = refusals(create_run, folder, list(hostile_documents.weights(whole)), TENSORS_FILE)

    assert found == {}
    assert memory.grown < MEMORY, f"{memory.grown} bytes"


@pytest.mark.parametrize("file", [FACTS, "generator/manifest.json"])
def test_no_facts_do_harm(create_run: CreateRun, folder: Path, file: str) -> None:
    corpus = list(hostile_documents.documents())
    if file == FACTS:
        corpus += hostile_documents.changed(files.read_json(folder / FACTS, 1))

    found = refusals(create_run, folder, corpus, file)

    harmless = {name for name in found if found[name] == "taken" or found[name].startswith("TrainingFailed")}
    assert {name: what for name, what in found.items() if name not in harmless} == {}
    assert torch.get_default_dtype() is torch.float32
