"""Versions whose manifest names a task, a medium or a revision that this build does not know."""

import pytest

from app.main import create_app
from core.settings import Settings
from tests.fixtures import PublishBroken, PublishTiny, Serve

UNKNOWN = {
    "unknown task": "has the task 'inpainting'; this build knows generation",
    "unknown medium": "has the medium 'film'; this build knows image, audio",
    "unknown revision": "has the revision 2; this build knows 1",
}


@pytest.mark.parametrize("kind", UNKNOWN)
async def test_a_version_of_a_kind_that_this_build_does_not_know_is_refused_and_the_field_named(
    settings: Settings, publish_tiny: PublishTiny, publish_broken: PublishBroken, serve: Serve, kind: str
) -> None:
    publish_tiny()
    publish_broken(kind)

    async with serve(create_app(settings)) as client:
        served = await client.get("/generate", params={"model": "tiny", "seed": 1})
        problem = (await client.get("/models/tiny/versions/2")).json()["problem"]

    assert (served.status_code, served.headers["Model-Version"]) == (200, "1")
    assert UNKNOWN[kind] in problem
