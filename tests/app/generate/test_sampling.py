"""How many pixels one answer may have: counted before anything is drawn."""

from typing import Any

import pytest

from app.engine.engine import Engine
from app.generate.parameters import GenerateBody
from app.generate.sampling import check
from core.errors import InvalidRequest
from tests.fixtures import OpenEngine, PublishTiny


@pytest.fixture
def large(publish_tiny: PublishTiny, open_engine: OpenEngine) -> Engine:
    """An engine that says it draws 512 x 512."""
    publish_tiny()
    engine = open_engine()
    engine.manifest = engine.manifest.model_copy(update={"image_size": 512})
    return engine


@pytest.mark.parametrize(
    "asked",
    [
        {"n": 64},
        {"n": 64, "format": "npy"},
        {"scale": 8},
        {"n": 16, "scale": 2},
        {"n": 7, "scale": 3, "format": "json"},
        {"z": [[0.0] * 4] * 64},
    ],
)
def test_an_answer_may_have_sixteen_million_pixels(large: Engine, asked: dict[str, Any]) -> None:
    params = check(GenerateBody(**asked), large, "", 100)

    assert len(params.latents) == asked.get("n", len(asked.get("z", [0])))


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"n": 65, "format": "zip"}, "/n"),
        ({"seeds": "0-64"}, "/seeds"),
        ({"z": [[0.0] * 4] * 65}, "/z"),
        ({"seed": 0, "n": 20, "scale": 8}, "/scale"),
        ({"n": 2, "scale": 8, "format": "npy"}, "/scale"),
        ({"n": 7, "scale": 3, "format": "png"}, "/scale"),  # the empty places of a sheet are pixels, too
    ],
)
def test_an_answer_of_more_is_refused_with_the_limit(large: Engine, asked: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest, match="up to 16777216 pixels") as refused:
        check(GenerateBody(**asked), large, "", 100, "/")

    assert [problem.pointer for problem in refused.value.problems] == [field]
