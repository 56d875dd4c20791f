"""A route answers with the versions of its own task, and names the route of any other."""

from collections.abc import AsyncIterator

import httpx
import pytest

from app.engine.engine import Engine
from app.main import create_app
from core.settings import Settings
from ganymede.schemas.references import ModelRef
from ganymede.schemas.tasks import ROUTES, VersionTask
from tests.app.generate.test_generate_refusals import problem
from tests.fixtures import OpenEngine, PublishTiny, Serve

OTHERS = [*(task for task in VersionTask if task != VersionTask.GENERATION), "inpainting"]


@pytest.fixture(params=OTHERS)
async def other(
    request: pytest.FixtureRequest, settings: Settings, publish_tiny: PublishTiny, open_engine: OpenEngine, serve: Serve
) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """A client of an app whose `tiny` is for another task, and that task."""
    publish_tiny()
    plain = open_engine()
    manifest = plain.manifest.model_copy(update={"task": request.param})
    app = create_app(settings)
    async with serve(app) as ready:
        app.state.services.models.served[ModelRef("tiny")] = Engine("tiny", 1, manifest, plain.runner, plain.facts)
        yield ready, str(request.param)


async def test_a_model_of_another_task_is_refused_and_its_route_named(other: tuple[httpx.AsyncClient, str]) -> None:
    client, task = other
    asked = {
        "model": await client.get("/generate", params={"model": "tiny", "seed": 1}),
        "/model": await client.post("/generate", json={"model": "tiny", "seed": 1}),
        "/model ": await client.post("/generate/morph", json={"model": "tiny", "seeds": [1, 2]}),
    }

    for pointer, answer in asked.items():
        told = problem(answer, 422, "wrong_task")
        assert told["errors"][0]["pointer"] == pointer.strip()
        assert f"tiny is for {task}, and /generate is for generation" in told["detail"]
        assert ROUTES.get(task, "nothing here serves that") in told["detail"]


async def test_a_picture_says_it_cannot_be_drawn_again_by_a_model_of_another_task(
    settings: Settings, publish_tiny: PublishTiny, open_engine: OpenEngine, serve: Serve
) -> None:
    publish_tiny()
    plain, app = open_engine(), create_app(settings)
    manifest = plain.manifest.model_copy(update={"task": VersionTask.COMPLETION})
    async with serve(app) as client:
        png = (await client.get("/generate", params={"model": "tiny", "seed": 1, "metadata": "true"})).content
        cache = app.state.services.models.cache
        cache.remove(("tiny", 1))
        cache.add(Engine("tiny", 1, manifest, plain.runner, plain.facts))

        told = await client.post("/inspect?verify=true", content=png, headers={"Content-Type": "image/png"})

    assert told.json()["verified"] is None
    assert "is for completion" in told.json()["reason"]
