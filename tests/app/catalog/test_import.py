"""Models from another service: the same pictures here, and everything that is refused before it is stored."""

import asyncio
import hashlib
import io
import json
import pickle
import struct
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from safetensors.torch import load, save

from app.main import create_app
from core.registry import Registry
from core.runs import RunStore
from core.settings import Settings
from core.store import Store
from ganymede.schemas.specs import RunSpec
from ganymede.schemas.states import Status
from tests.fixtures import PublishTiny, Serve
from tests.manifests import dataset_manifest
from tests.records import numbers

IMPORT = "/models/copy/versions"


@dataclass
class Exported:
    weights: bytes
    manifest: bytes

    def parts(self) -> dict[str, tuple[str, bytes]]:
        return {"weights": ("w", self.weights), "manifest": ("m", self.manifest)}

    def changed(self, **fields: Any) -> "Exported":
        return Exported(self.weights, json.dumps({**json.loads(self.manifest), **fields}).encode())

    def with_weights(self, weights: bytes) -> "Exported":
        """Other weights, with a manifest that says their size and digest."""
        digest = hashlib.sha256(weights).hexdigest()
        facts: dict[str, Any] = {"generator.safetensors": {"bytes": len(weights), "sha256": digest}}
        return Exported(weights, self.manifest).changed(files=facts, digest=f"sha256:{digest}")


@pytest.fixture
async def exported(client: httpx.AsyncClient) -> Exported:
    """`tiny@1`, as the API sends it."""
    weights, manifest = [await client.get(f"/models/tiny/versions/1/{part}") for part in ("weights", "manifest")]
    return Exported(weights.content, manifest.content)


@pytest.fixture
async def other(settings: Settings, tmp_path: Path, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    """A second service with a store of its own, that has no model but the starter."""
    apart = settings.model_copy(update={"home": tmp_path / "other", "default_model": "copy"})
    async with serve(create_app(apart)) as ready:
        yield ready


async def send(client: httpx.AsyncClient, exported: Exported, path: str = IMPORT) -> httpx.Response:
    return await client.post(path, files=exported.parts())


def leftovers(store: Store) -> list[Path]:
    return [*store.path("tmp").iterdir(), *store.path("models").glob("copy/*")]


@pytest.mark.parametrize("form", ["png", "npy"])
async def test_an_imported_model_draws_the_same_bytes(
    client: httpx.AsyncClient, other: httpx.AsyncClient, exported: Exported, form: str
) -> None:
    answer = await send(other, exported)

    asked = f"seed=40&n=5&label=cross&format={form}"
    here = await client.get(f"/generate?model=tiny@1&{asked}")
    there = await other.get(f"/generate?model=copy@1&{asked}")
    original = (await client.get("/models/tiny/versions/1")).json()
    assert (answer.status_code, answer.headers["Location"]) == (201, "/models/copy/versions/1")
    assert (there.status_code, there.content) == (200, here.content)
    for field in ("run", "step", "recipe", "dataset", "labels", "digest", "metrics", "created_at", "bytes"):
        assert answer.json()[field] == original[field]
    for part in ("weights", "samples"):
        copies = [await c.get(f"/models/{m}/versions/1/{part}") for c, m in ((client, "tiny"), (other, "copy"))]
        assert copies[0].content == copies[1].content


async def test_importing_the_same_twice_or_twice_at_once_makes_one_version(
    client: httpx.AsyncClient, registry: Registry, exported: Exported
) -> None:
    answers = await asyncio.gather(*(send(client, exported) for _ in range(3)))
    again = await send(client, exported)

    assert sorted(answer.status_code for answer in answers) == [200, 200, 201]
    assert (again.status_code, again.json()["version"], registry.versions("copy")) == (200, 1, [1])


async def test_other_weights_of_the_same_step_are_a_conflict(
    client: httpx.AsyncClient, registry: Registry, exported: Exported, publish_tiny: PublishTiny
) -> None:
    publish_tiny("foreign", seed=9, step=1)
    weights, manifest = [
        (await client.get(f"/models/foreign/versions/1/{part}")).content for part in ("weights", "manifest")
    ]
    await send(client, exported)

    answer = await send(client, Exported(weights, manifest))

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "version 1 of model 'copy'" in answer.json()["detail"]
    assert registry.versions("copy") == [1]


async def test_nothing_is_imported_in_the_name_of_a_run_that_trains_here(
    client: httpx.AsyncClient, registry: Registry, exported: Exported, store: Store
) -> None:
    run = RunStore(store).create(RunSpec(recipe="cgan", dataset="shapes"), numbers(9), dataset_manifest())
    claimed = exported.changed(run=run.id)

    while_it_trains = await send(client, claimed)
    left = leftovers(store)
    run.move(Status.CANCELED)
    after = await send(client, claimed)

    assert (while_it_trains.status_code, while_it_trains.json()["code"]) == (409, "conflict")
    assert run.id in while_it_trains.json()["detail"]
    assert left == []
    assert after.status_code == 201


async def test_a_deleted_version_can_be_imported_again_under_a_new_number(
    client: httpx.AsyncClient, exported: Exported
) -> None:
    await send(client, exported)
    await client.delete("/models/copy")

    answer = await send(client, exported)

    assert (answer.status_code, answer.json()["version"]) == (201, 2)


async def test_what_another_build_added_to_the_manifest_is_dropped(
    client: httpx.AsyncClient, registry: Registry, exported: Exported
) -> None:
    dataset: dict[str, Any] = {**json.loads(exported.manifest)["dataset"], "path": "/etc/passwd"}

    answer = await send(client, exported.changed(invented="../..", dataset=dataset))

    stored = registry.manifest("copy", 1).to_json()
    assert answer.status_code == 201
    assert stored.keys() == json.loads(exported.manifest).keys()
    assert stored["dataset"] == json.loads(exported.manifest)["dataset"]


FACTS = {"bytes": 3, "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"schema": 2}, "/manifest/schema"),
        ({"run": "../../x"}, "/manifest/run"),
        ({"run": 7}, "/manifest/run"),
        ({"branch": -1}, "/manifest/branch"),
        ({"step": "100"}, "/manifest/step"),
        ({"step": True}, "/manifest/step"),
        ({"step": 1e300}, "/manifest/step"),
        ({"images_seen": None}, "/manifest/images_seen"),
        ({"recipe": ""}, "/manifest/recipe"),
        ({"architecture": "../x"}, "/manifest/architecture"),
        ({"task": "inpainting"}, "/manifest/task"),
        ({"task": 7}, "/manifest/task"),
        ({"medium": "film"}, "/manifest/medium"),
        ({"medium": "audio"}, "/manifest/audio"),
        ({"revision": 2}, "/manifest/revision"),
        ({"revision": 0}, "/manifest/revision"),
        ({"channels": 2}, "/manifest/channels"),
        ({"noise": "uniform"}, "/manifest/noise"),
        ({"labels": ["a", "a", "b"]}, "/manifest/labels"),
        ({"labels": ["a", "b", "c\n"]}, "/manifest/labels"),
        ({"labels": ["a", "b", ""]}, "/manifest/labels/2"),
        ({"labels": "abc"}, "/manifest/labels"),
        ({"labels": ["x"] * 2000}, "/manifest/labels"),
        ({"labels": ["a", "b"]}, "/manifest/labels"),
        ({"labels": []}, "/manifest/labels"),
        ({"image_size": 16}, "/manifest/image_size"),
        ({"latent_dim": 10**9}, "/manifest/latent_dim"),
        ({"dataset": "shapes"}, "/manifest/dataset"),
        ({"metrics": {"fd": "low"}}, "/manifest/metrics/fd"),
        ({"created_at": "yesterday"}, "/manifest/created_at"),
        ({"digest": "sha256:" + "0" * 64}, "/manifest/digest"),
        ({"files": {}}, "/manifest/files/generator.safetensors"),
        ({"files": {"generator.safetensors": FACTS}}, "/weights"),
        ({"files": {"generator.safetensors": FACTS, "../x": FACTS}}, "/manifest/files/..~1x"),
    ],
)
async def test_a_manifest_that_makes_no_sense_is_refused_and_the_field_named(
    client: httpx.AsyncClient, store: Store, exported: Exported, change: dict[str, Any], pointer: str
) -> None:
    answer = await send(client, exported.changed(**change))

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert pointer in [problem["pointer"] for problem in answer.json()["errors"]]
    assert leftovers(store) == []


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe", b'{"metrics": NaN}', b"[" * 100_000])
async def test_a_manifest_that_is_no_json_is_refused(
    client: httpx.AsyncClient, exported: Exported, text: bytes
) -> None:
    answer = await send(client, Exported(exported.weights, text))

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith("/manifest")


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../x", "x")
    return file.getvalue()


def pickled() -> bytes:
    file = io.BytesIO()
    torch.save({"stem.weight": torch.zeros(3)}, file)
    return file.getvalue()


def described(weights: bytes, change: Callable[[dict[str, torch.Tensor]], None], **config: Any) -> bytes:
    """The weights with changed tensors, and a changed description of the network."""
    length = int.from_bytes(weights[:8], "little")
    said = json.loads(json.loads(weights[8 : 8 + length])["__metadata__"]["ganymede"])
    said["config"].update(config)
    tensors = load(weights)
    change(tensors)
    return save(tensors, metadata={"ganymede": json.dumps(said)})


def spoil(value: float) -> Callable[[dict[str, torch.Tensor]], None]:
    def change(tensors: dict[str, torch.Tensor]) -> None:
        for name, tensor in tensors.items():
            if name.startswith("to_image"):
                tensor.fill_(value)

    return change


def drop(tensors: dict[str, torch.Tensor]) -> None:
    del tensors["stem.weight"]


FOREIGN: dict[str, Callable[[bytes], bytes]] = {
    "cut short": lambda weights: weights[:-100],
    "empty": lambda weights: b"",
    "a zip": lambda weights: zipped(),
    "a torch file": lambda weights: pickled(),
    "a pickle": lambda weights: pickle.dumps([1]),
    "a huge header length": lambda weights: struct.pack("<Q", 2**62) + weights[8:],
    "a long header": lambda weights: struct.pack("<Q", 2**21) + b"{" + b" " * (2**21 - 1),
    "a tensor too many": lambda weights: described(weights, lambda t: t.update(x=torch.zeros(9))),
    "a tensor too few": lambda weights: described(weights, drop),
    "half precision": lambda weights: described(weights, lambda t: t.update({"stem.weight": t["stem.weight"].half()})),
    "NaN": lambda weights: described(weights, spoil(float("nan"))),
    "constant": lambda weights: described(weights, spoil(0.0)),
    "a huge latent_dim": lambda weights: described(weights, lambda t: None, latent_dim=2**40),
    "a huge width": lambda weights: described(weights, lambda t: None, width=2**40),
    "a huge picture": lambda weights: described(weights, lambda t: None, image_size=2**20),
    "another size": lambda weights: described(weights, lambda t: None, image_size=16),
}


@pytest.mark.parametrize("kind", FOREIGN)
async def test_weights_that_cannot_be_served_are_refused(
    client: httpx.AsyncClient, store: Store, exported: Exported, kind: str
) -> None:
    answer = await send(client, exported.with_weights(FOREIGN[kind](exported.weights)))

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["pointer"] == "/weights"
    assert leftovers(store) == []


@pytest.mark.parametrize(
    ("path", "status"),
    [("/models/Copy/versions", 422), ("/models/run/versions", 422), ("/models/%2e%2e/versions", 422)],
)
async def test_a_name_that_is_none_is_refused(
    client: httpx.AsyncClient, exported: Exported, path: str, status: int
) -> None:
    assert (await send(client, exported, path)).status_code == status
