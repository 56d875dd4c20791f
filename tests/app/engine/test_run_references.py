"""`run:ID@STEP`: a checkpoint is drawn from without being published, also while its run trains and deletes others."""

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch

from app.engine import hot_reload as hotload
from app.main import create_app
from app.status.health import NO_WORKER
from core.runs import Run
from core.settings import Settings
from ganymede.client.drawing import read_drawing
from ganymede.schemas.references import RunRef
from models.architectures import ARCHITECTURES
from models.version import WEIGHTS_FILE
from models.writing import Lineage, write_generator
from tests.app.scraping import scrape
from tests.fixtures import TINY, PublishTiny, Serve
from tests.manifests import dataset_manifest

Keep = Callable[..., Path]


@pytest.fixture
def keep(idle_run: Run) -> Keep:
    """Puts a checkpoint as the trainer does; another step, other weights."""

    def put(step: int, branch: int = 0) -> Path:
        generator = ARCHITECTURES["dcgan"].generator(TINY)
        source = torch.Generator().manual_seed(step + 1000 * branch)
        for module in generator.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.normal_(module.weight, 0, 0.3, generator=source)
        lineage = Lineage(
            run=idle_run.id,
            branch=branch,
            step=step,
            images_seen=64 * step,
            recipe="cgan",
            architecture="dcgan",
            network=TINY,
            dataset=dataset_manifest(),
            metrics={},
        )

        def fill(folder: Path) -> None:
            (folder / "generator").mkdir()
            write_generator(folder / "generator", generator.eval(), lineage)

        key = f"{idle_run.checkpoints}/{branch}-{step}"
        idle_run.store.put(key, fill)
        return idle_run.store.path(key)

    return put


@pytest.fixture
def _no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hotload, "RUN_MEANS_FOR_S", 0.0)


async def draw(client: httpx.AsyncClient, run: Run, step: object, **params: Any) -> httpx.Response:
    return await client.get("/generate", params={"model": f"run:{run.id}@{step}", "seed": 1, **params})


async def test_a_checkpoint_draws_what_it_draws_once_it_is_published(
    client: httpx.AsyncClient, idle_run: Run, keep: Keep
) -> None:
    keep(10)

    drawn = await draw(client, idle_run, 10)
    await client.post(f"/train/{idle_run.id}/checkpoints/10/publish", json={"model": "picked"})
    published = await client.get("/generate", params={"model": "picked@1", "seed": 1})

    assert drawn.status_code == published.status_code == 200
    assert drawn.content == published.content
    assert (drawn.headers["Model"], drawn.headers["Model-Version"]) == (f"run:{idle_run.id}", "0-10")
    assert drawn.headers["Model-Digest"] == published.headers["Model-Digest"]
    assert (drawn.headers["Cache-Control"], published.headers["Cache-Control"][:6]) == ("no-cache", "public")


@pytest.mark.usefixtures("_no_memory")
async def test_latest_follows_the_run_and_a_step_stays(client: httpx.AsyncClient, idle_run: Run, keep: Keep) -> None:
    versions = []
    for step, branch in ((10, 0), (20, 0), (10, 1)):
        keep(step, branch)
        answers = [await draw(client, idle_run, asked) for asked in ("latest", 10, "0-10")]
        versions.append([answer.headers["Model-Version"] for answer in answers])

    assert versions == [["0-10", "0-10", "0-10"], ["0-20", "0-10", "0-10"], ["1-10", "1-10", "0-10"]]


async def test_what_was_drawn_without_a_seed_says_where_it_can_be_had_again(
    client: httpx.AsyncClient, idle_run: Run, keep: Keep
) -> None:
    keep(10)

    drawn = await draw(client, idle_run, "latest", seed=-1)
    again = await client.get(drawn.headers["Content-Location"])

    assert again.content == drawn.content


async def test_the_client_tells_by_which_reference_a_checkpoint_is_drawn_again(
    client: httpx.AsyncClient, idle_run: Run, keep: Keep
) -> None:
    keep(10)

    drawing = read_drawing(await draw(client, idle_run, "latest"))

    assert drawing.reference == f"run:{idle_run.id}@0-10"


async def test_an_answer_of_a_checkpoint_is_asked_for_again_by_its_etag(
    client: httpx.AsyncClient, idle_run: Run, keep: Keep
) -> None:
    keep(10)
    drawn = await draw(client, idle_run, "latest")

    same = await client.get(
        "/generate",
        params={"model": f"run:{idle_run.id}@latest", "seed": 1},
        headers={"If-None-Match": drawn.headers["ETag"]},
    )

    assert same.status_code == 304


@pytest.mark.usefixtures("_no_memory")
async def test_a_checkpoint_that_the_run_deleted_is_not_found_with_those_there_are(
    client: httpx.AsyncClient, idle_run: Run, keep: Keep
) -> None:
    gone = keep(10)
    keep(20)
    before = await draw(client, idle_run, 10)
    shutil.rmtree(gone)

    after = await draw(client, idle_run, 10)

    assert (before.status_code, after.status_code, after.json()["code"]) == (200, 404, "checkpoint_not_found")
    assert "there are: 0-20" in after.json()["detail"]


async def test_a_checkpoint_deleted_after_it_was_looked_up_is_not_found_and_latest_means_the_next(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve, idle_run: Run, keep: Keep
) -> None:
    publish_tiny()
    app = create_app(settings)
    async with serve(app) as client:
        models = app.state.services.models
        folders = [keep(step) for step in (10, 20, 30)]
        for step in ("10", "latest"):
            await models._find(RunRef(idle_run.id, step))
        keep(40)
        for folder in folders:
            shutil.rmtree(folder)

        gone, latest = await draw(client, idle_run, 10), await draw(client, idle_run, "latest")

    assert (gone.status_code, gone.json()["code"]) == (404, "checkpoint_not_found")
    assert "there are: 0-40" in gone.json()["detail"]
    assert latest.headers["Model-Version"] == "0-40"


async def test_who_draws_from_the_latest_does_not_look_at_the_disk_each_time(
    settings: Settings,
    publish_tiny: PublishTiny,
    serve: Serve,
    idle_run: Run,
    keep: Keep,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hotload, "RUN_MEANS_FOR_S", 3600.0)
    publish_tiny()
    keep(10)
    app = create_app(settings)
    async with serve(app) as client:
        models, looks = app.state.services.models, 0
        find = models.source.find

        def counted(ref: RunRef) -> object:
            nonlocal looks
            looks += 1
            return find(ref)

        models.source.find = counted
        answers = [await draw(client, idle_run, "latest") for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 5
    assert looks == 1


@pytest.mark.usefixtures("_no_memory")
async def test_while_a_run_trains_every_answer_is_of_a_checkpoint_it_wrote(
    client: httpx.AsyncClient, idle_run: Run, keep: Keep
) -> None:
    kept = [keep(step) for step in (1, 2)]
    written = {f"0-{step}": _digest(folder) for step, folder in zip((1, 2), kept, strict=True)}
    answers: list[httpx.Response] = []
    over = asyncio.Event()

    async def keep_asking(step: str) -> None:
        while not over.is_set():
            answers.append(await draw(client, idle_run, step))

    askers = [asyncio.create_task(keep_asking(step)) for step in ("latest", "latest", "1", "6")]
    for step in range(3, 10):
        kept.append(await asyncio.to_thread(keep, step))
        written[f"0-{step}"] = _digest(kept[-1])
        oldest = f"{idle_run.checkpoints}/{kept.pop(0).name}"
        await asyncio.to_thread(idle_run.store.delete, oldest)  # as the trainer does: the two newest stay
    newest = await draw(client, idle_run, "latest")
    over.set()
    await asyncio.gather(*askers)

    drawn = {(a.headers["Model-Version"], a.headers["Model-Digest"]) for a in answers if a.status_code == 200}
    refused = {(a.status_code, a.json()["code"]) for a in answers if a.status_code != 200}
    assert drawn <= written.items()
    assert len(drawn) > 1
    assert refused <= {(404, "checkpoint_not_found")}
    assert newest.headers["Model-Version"] == "0-9"


def _digest(checkpoint: Path) -> str:
    return str(json.loads((checkpoint / "generator" / "manifest.json").read_text())["digest"])


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("run:run_00000000000000000000@latest", 404, "run_not_found"),
        ("run:nobody@1", 404, "run_not_found"),
        ("run:../../models/tiny@1", 404, "run_not_found"),
        ("run:run_00000000000000000000", 422, "invalid_request"),
        ("run:run_00000000000000000000@best", 422, "invalid_request"),
    ],
)
async def test_a_reference_to_nothing_is_refused(client: httpx.AsyncClient, model: str, status: int, code: str) -> None:
    answer = await client.post("/generate", json={"model": model, "seed": 1})

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_run_without_a_checkpoint_says_so(client: httpx.AsyncClient, idle_run: Run) -> None:
    answer = await draw(client, idle_run, "latest")

    assert (answer.status_code, answer.json()["code"]) == (404, "checkpoint_not_found")
    assert "none" in answer.json()["detail"]


async def test_a_damaged_checkpoint_is_not_drawn_from_and_is_no_fault_of_the_models(
    client: httpx.AsyncClient, idle_run: Run, keep: Keep
) -> None:
    weights = keep(10) / "generator" / WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")

    answer, ready = await draw(client, idle_run, 10), await client.get("/readyz")

    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert "does not match its digest" in answer.json()["detail"]
    assert (ready.status_code, ready.json()["degraded"]) == (200, [NO_WORKER])


async def test_a_deleted_run_leaves_the_memory(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve, idle_run: Run, keep: Keep
) -> None:
    publish_tiny()
    keep(10)
    app = create_app(settings)
    async with serve(app) as client:
        await draw(client, idle_run, "latest")
        before = await scrape(client)
        await client.delete(f"/train/{idle_run.id}")
        await app.state.services.models.look()
        after = await scrape(client)

    info = [key for key in before if key[0] == "ganymede_model_info" and f"model=run:{idle_run.id}" in key]
    assert [key[-1] for key in info] == ["version=0-10"]
    assert (before["ganymede_models_resident",], after["ganymede_models_resident",]) == (2, 1)
