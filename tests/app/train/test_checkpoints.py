"""A run's checkpoints over HTTP: listed newest first, published under any name, once each, also while they go away."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.registry import Registry
from core.runs import Run, RunStore
from core.store import Store
from ganymede.schemas.specs import RunSpec
from models.dcgan import Generator
from models.publish import publish_folder
from models.sizes import DCGANConfig
from models.writing import Lineage, write_generator
from tests.manifests import dataset_manifest
from tests.records import numbers

Keep = Callable[..., Path]

NETWORK = DCGANConfig(image_size=8, channels=1, latent_dim=4, width=16, num_classes=0)


@pytest.fixture
def run(store: Store) -> Run:
    """A run that publishes under the name `mine`."""
    spec = RunSpec(recipe="dcgan", dataset="shapes", model="mine")
    return RunStore(store).create(spec, numbers(100), dataset_manifest())


@pytest.fixture
def keep(run: Run, store: Store) -> Keep:
    """Puts a checkpoint as the trainer does."""

    def put(step: int, branch: int = 0) -> Path:
        key = f"{run.checkpoints}/{branch}-{step}"
        lineage = Lineage(
            run=run.id,
            branch=branch,
            step=step,
            images_seen=64 * step,
            recipe="dcgan",
            architecture="dcgan",
            network=NETWORK,
            dataset=dataset_manifest(class_names=[]),
            metrics={"g_loss": 1.5},
        )

        def fill(folder: Path) -> None:
            (folder / "training.safetensors").write_bytes(bytes(1000))
            (folder / "generator").mkdir()
            write_generator(folder / "generator", Generator(NETWORK).eval(), lineage)

        store.put(key, fill)
        return store.path(key)

    return put


def path(run: Run, step: object) -> str:
    return f"/train/{run.id}/checkpoints/{step}/publish"


async def test_checkpoints_are_listed_newest_first_with_what_was_made_of_them(
    client: httpx.AsyncClient, run: Run, keep: Keep
) -> None:
    for step, branch in ((10, 0), (20, 0), (10, 1)):
        keep(step, branch)
    await client.post(path(run, "0-10"))

    page = (await client.get(f"/train/{run.id}/checkpoints")).json()

    first, second, third = page["data"]
    assert [(entry["branch"], entry["step"]) for entry in page["data"]] == [(1, 10), (0, 20), (0, 10)]
    assert (second["images_seen"], second["metrics"]) == (1280, {"g_loss": 1.5})
    assert second["bytes"] > 1000
    assert second["digest"].startswith("sha256:")
    assert [entry["version"] for entry in third["published"]] == [1]
    assert first["published"] == second["published"] == []
    assert (await client.post(second["links"]["publish"])).status_code == 201


@pytest.mark.parametrize(
    ("asked", "meant"), [("latest", (1, 10)), ("10", (1, 10)), ("20", (0, 20)), ("0-10", (0, 10)), ("1-10", (1, 10))]
)
async def test_a_checkpoint_is_named_by_step_by_branch_and_step_or_as_the_latest(
    client: httpx.AsyncClient, registry: Registry, run: Run, keep: Keep, asked: str, meant: tuple[int, int]
) -> None:
    for step, branch in ((10, 0), (20, 0), (10, 1)):
        keep(step, branch)

    answer = await client.post(path(run, asked))

    manifest = registry.manifest("mine", 1)
    assert (answer.status_code, answer.headers["Location"]) == (201, "/models/mine/versions/1")
    assert (answer.json()["run"], answer.json()["version"]) == (run.id, 1)
    assert (manifest.branch, manifest.step) == meant


async def test_published_twice_or_twice_at_once_it_is_one_version_and_noted_once(
    client: httpx.AsyncClient, run: Run, keep: Keep
) -> None:
    keep(10)

    answers = await asyncio.gather(*(client.post(path(run, 10)) for _ in range(4)))
    elsewhere = await client.post(path(run, 10), json={"model": "other"})

    told = (await client.get(f"/train/{run.id}")).json()["published"]
    events = [event.data for event in run.events() if event.type == "published"]
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert {answer.headers["Location"] for answer in answers} == {"/models/mine/versions/1"}
    assert elsewhere.headers["Location"] == "/models/other/versions/1"
    assert [(entry["model"], entry["version"]) for entry in told] == [("mine", 1), ("other", 1)]
    assert events == told


async def test_what_the_run_published_itself_is_found_and_kept(
    client: httpx.AsyncClient, registry: Registry, run: Run, keep: Keep
) -> None:
    folders = [keep(step) for step in (10, 20, 30)]
    for folder in folders:
        publish_folder(registry, "mine", folder / "generator")

    answer = await client.post(path(run, 10))
    pruned = registry.prune("mine", run.id, keep=1)

    assert (answer.status_code, answer.json()["version"]) == (200, 1)
    assert (pruned, registry.versions("mine")) == ([2], [1, 3])


async def test_a_version_that_was_deleted_can_be_published_again(
    client: httpx.AsyncClient, run: Run, keep: Keep
) -> None:
    keep(10)
    keep(20)
    await client.post(path(run, 10))
    await client.post(path(run, 20))
    await client.delete("/models/mine/versions/1")

    answer = await client.post(path(run, 10))

    assert (answer.status_code, answer.json()["version"]) == (201, 3)


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ("30", 404, "checkpoint_not_found"),
        ("1-10", 404, "checkpoint_not_found"),
        ("..%2f..", 404, "not_found"),
        ("best", 422, "invalid_request"),
        ("-1", 422, "invalid_request"),
        ("%2e%2e", 422, "invalid_request"),
        ("1" * 50, 422, "invalid_request"),
    ],
)
async def test_a_checkpoint_that_is_not_there_is_refused(
    client: httpx.AsyncClient, store: Store, run: Run, keep: Keep, asked: str, status: int, code: str
) -> None:
    keep(10)
    keep(20)

    answer = await client.post(path(run, asked))

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if code == "checkpoint_not_found":
        assert "there are: 0-20, 0-10" in answer.json()["detail"]
    assert not store.has("models/mine")


@pytest.mark.parametrize("body", [{"model": "Mine"}, {"model": "run"}, {"name": "x"}, []])
async def test_a_name_that_is_none_is_refused(client: httpx.AsyncClient, run: Run, keep: Keep, body: Any) -> None:
    keep(10)

    assert (await client.post(path(run, 10), json=body)).status_code == 422


async def test_of_a_run_that_is_not_there_nothing_is_listed_or_published(client: httpx.AsyncClient) -> None:
    nobody = "/train/run_0192f1c7a4e1b2c3d4e5/checkpoints"

    answers = [await client.get(nobody), await client.post(f"{nobody}/latest/publish")]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "run_not_found")] * 2


async def test_a_checkpoint_that_goes_away_meanwhile_is_not_found_and_nothing_is_left(
    client: httpx.AsyncClient, store: Store, run: Run, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(10)
    copy = shutil.copyfile

    def copy_late(source: Path, target: Path) -> object:
        store.delete(f"{run.checkpoints}/0-10")  # what the trainer does, at the worst moment
        return copy(source, target)

    monkeypatch.setattr(shutil, "copyfile", copy_late)
    answer = await client.post(path(run, 10))

    assert (answer.status_code, answer.json()["code"]) == (404, "checkpoint_not_found")
    assert list(store.path("tmp").iterdir()) == []
    assert store.names("models/mine") == []
    assert (await client.get(f"/train/{run.id}/checkpoints")).json()["data"] == []


async def test_a_damaged_checkpoint_is_told_and_hides_no_other(client: httpx.AsyncClient, run: Run, keep: Keep) -> None:
    (keep(10) / "generator/generator.safetensors").write_bytes(b"cut")
    (keep(20) / "generator/manifest.json").write_text("{}")
    keep(30)

    answers = [await client.post(path(run, step)) for step in (10, 20)]
    listed = (await client.get(f"/train/{run.id}/checkpoints")).json()["data"]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(500, "store_damaged")] * 2
    assert [entry["step"] for entry in listed] == [30, 10]
