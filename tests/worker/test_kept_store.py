"""A store that an older build left, kept as it was: this build reads, serves and trains on as that one did.

`kept/store.tar.xz` was made by the build of 29 November 2026, on a CPU with one thread: dataset `shapes`; model
`shapes`, whose first version is of a run that is gone, with moves of `production`; a run that ended, and one that is
paused on the branch of a remedy. `kept/told.json` is what that build answered, drew, and made of the paused run.

Another machine may compute other last bits. Where a small network of torch alone ends with other bytes than it did
there, pixels may be off by one level, and weights by what that comes to.
"""

import hashlib
import io
import json
import tarfile
import zlib
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from torch import nn

from app.main import create_app
from core.registry import Registry
from core.runs import Run, RunStore
from core.settings import Settings
from core.store import Store
from ganymede.schemas.states import Status
from models.weights import load_generator
from tests.fixtures import Serve
from tests.worker.conftest import TrainHere

KEPT = Path(__file__).parent / "kept"
TOLD: dict[str, Any] = json.loads((KEPT / "told.json").read_text())
FORMS = ("png", "npy")
HERE_ALONE = {"loaded", "is_loaded"}  # of an answer: what is in the memory of a service


def arithmetic() -> str:
    """A digest of what torch and zlib make of the same numbers; told.json has that of the machine it was made on."""
    numbers = np.random.RandomState(0).standard_normal(4000).astype(np.float32)
    images_BCHW = torch.tensor(numbers[:1024].reshape(4, 4, 8, 8))
    layers = [nn.Conv2d(4, 16, 4, 2, 1), nn.BatchNorm2d(16), nn.ConvTranspose2d(16, 4, 4, 2, 1)]
    network = nn.Sequential(*layers, nn.Flatten(), nn.LeakyReLU(0.2), nn.Linear(256, 16))
    at = 1024
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.tensor(np.resize(numbers[at:], weight.numel()).reshape(weight.shape)) / 8)
            at += 7
    adam = torch.optim.Adam(network.parameters(), 1e-3, fused=True)
    for _ in range(3):
        adam.zero_grad()
        nn.functional.softplus(network(images_BCHW).tanh()).mean().backward()  # type: ignore[no-untyped-call]
        adam.step()
    weights = b"".join(weight.detach().numpy().tobytes() for weight in network.parameters())
    return digest_of(weights + zlib.compress(numbers.tobytes()))


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def is_same_machine() -> bool:
    return arithmetic() == TOLD["arithmetic"]


@pytest.fixture
def kept(settings: Settings) -> Settings:
    with tarfile.open(KEPT / "store.tar.xz") as archive:
        archive.extractall(settings.store_path.parent, filter="data")
    return settings.model_copy(update={"default_model": "shapes"})


def paused_run(settings: Settings) -> Run:
    runs = RunStore(Store(settings.store_path))
    [run] = [run for run in map(runs.get, runs.ids()) if run.state().status is Status.PAUSED]
    return run


def without(names: set[str], body: Any) -> Any:
    if isinstance(body, dict):
        return {name: without(names, value) for name, value in body.items() if name not in names}
    return [without(names, value) for value in body] if isinstance(body, list) else body


def like(was_told: Any, body: Any) -> Any:
    """`body` without the fields that a newer build added: objects that had none, of free keys, are left as they are."""
    if isinstance(was_told, dict) and isinstance(body, dict) and was_told:
        return {name: like(was_told[name], value) for name, value in body.items() if name in was_told}
    if isinstance(was_told, list) and isinstance(body, list) and len(was_told) == len(body):
        return [like(*pair) for pair in zip(was_told, body, strict=True)]
    return body


async def test_all_of_it_is_told_and_drawn_as_it_was(kept: Settings, serve: Serve, is_same_machine: bool) -> None:
    async with serve(create_app(kept)) as client:
        told = {path: await client.get(path) for path in TOLD["answers"]}
        drawn = {reference: [await draw(client, reference, form) for form in FORMS] for reference in TOLD["drawn"]}

    for path, answer in told.items():
        assert answer.status_code == 200, answer.text
        was_told = without(HERE_ALONE, TOLD["answers"][path])
        assert like(was_told, without(HERE_ALONE, answer.json())) == was_told
    for reference, answers in drawn.items():
        expected, pixels = TOLD["drawn"][reference], np.load(io.BytesIO(answers[-1].content), allow_pickle=False)
        assert [answer.headers["Model-Version"] for answer in answers] == [expected["version"]] * len(FORMS)
        assert np.abs(pixels.reshape(3, -1).astype(int) - expected["pixels"]).max() <= 1
        if is_same_machine:
            assert [digest_of(answer.content) for answer in answers] == [expected[form] for form in FORMS]


async def draw(client: httpx.AsyncClient, reference: str, form: str) -> httpx.Response:
    return await client.get("/generate", params={"model": reference, "seed": 7, "n": 3, "format": form})


def test_the_paused_run_ends_with_the_weights_that_it_ended_with(
    kept: Settings, train_here: TrainHere, is_same_machine: bool
) -> None:
    run, expected = paused_run(kept), TOLD["resumed"]
    run.change(lambda now: now.asked("resume"))

    assert train_here(run) == "succeeded"

    registry = Registry(run.store)
    weights = registry.folder("plain", expected["version"]) / "generator.safetensors"
    generator, _ = load_generator(weights)
    norms = {name: tensor.double().norm().item() for name, tensor in generator.state_dict().items()}
    assert registry.versions("plain")[-1] == expected["version"]
    assert norms == pytest.approx(expected["norms"], rel=1e-3, abs=1e-6)
    if is_same_machine:
        training = run.store.path(f"{run.checkpoints}/1-24/training.safetensors")
        digests = [digest_of(file.read_bytes()) for file in (weights, training)]
        assert digests == [expected["sha256"], expected["training"]]
