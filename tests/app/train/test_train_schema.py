"""GET /train/schema: enough to make a form of, and true to what POST /train takes."""

from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS31Validator

from ganymede.schemas.specs import TrainConfig
from models.auto import RULES, options, request_schema
from models.choice import in_words
from models.recipes import RECIPES
from tests.app.http.test_openapi import DOCUMENT

SCHEMA = request_schema()


async def schema_of(api: httpx.AsyncClient) -> dict[str, Any]:
    answer = await api.get("/train/schema")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/schema+json"
    return dict(answer.json())


def mistakes(body: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """Where a body does not fit; within a part, which may be null instead, where that does not."""
    found = [error.context[0] if error.context else error for error in OAS31Validator(schema).iter_errors(body)]
    return ["/".join(map(str, error.absolute_path)) for error in found]


async def test_what_fits_the_schema_is_taken_and_what_does_not_is_refused_at_the_same_field(
    api: httpx.AsyncClient,
) -> None:
    schema = await schema_of(api)
    good = {"recipe": "cgan", "dataset": "mnist-10k", "config": {"steps": 3, "width": "auto", "augment": "ada"}}
    bad: dict[str, dict[str, Any]] = {
        "recipe": {**good, "recipe": "magic"},
        "config/steps": {**good, "config": {"steps": 0}},
        "config/augment": {**good, "config": {"augment": "much"}},
        "config": {**good, "config": {"stepz": 3}},
    }

    assert mistakes(good, schema) == []
    assert (await api.post("/train", json=good)).status_code == 202
    for field, body in bad.items():
        answer = await api.post("/train", json=body)
        assert mistakes(body, schema) == [field]
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"].startswith(f"/{field}")


async def test_a_client_that_has_it_is_told_so(api: httpx.AsyncClient) -> None:
    first = await api.get("/train/schema")

    again = await api.get("/train/schema", headers={"If-None-Match": first.headers["ETag"]})
    head = await api.head("/train/schema")

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == head.headers["ETag"] == first.headers["ETag"]
    assert (head.status_code, head.content) == (200, b"")


def test_every_option_has_a_rule_for_auto_and_every_rule_an_option() -> None:
    assert list(RULES) == list(TrainConfig.model_fields)
    assert SCHEMA["auto"] == {"recipe": in_words(), **RULES}


@pytest.mark.parametrize("recipe", [{}, {"recipe": "auto"}, {"recipe": None}])
def test_the_recipe_may_be_left_out_or_auto(recipe: dict[str, Any]) -> None:
    assert mistakes({**recipe, "dataset": "mnist-10k"}, SCHEMA) == []
    assert SCHEMA["properties"]["recipe"]["default"] == "auto"
    assert SCHEMA["properties"]["recipe"]["anyOf"][0]["enum"] == ["auto", *RECIPES]
    assert "recipe" not in SCHEMA["required"]


@pytest.mark.parametrize("name", RECIPES)
def test_a_form_can_be_made_of_a_recipe(name: str) -> None:
    described = SCHEMA["recipes"][name]

    fields = SCHEMA["$defs"]["TrainConfig"]["properties"]
    body = {"recipe": name, "dataset": "mnist-10k", "config": described["defaults"]}
    assert described["what"]
    assert "arXiv" in described["source"]
    assert described["defaults"].keys() <= fields.keys()
    assert mistakes(body, SCHEMA) == []
    assert all(fields[option]["description"] for option in described["defaults"])


@pytest.mark.parametrize("name", RECIPES)
async def test_every_option_of_a_recipe_may_be_sent_as_its_default_and_no_other_option_may(
    api: httpx.AsyncClient, name: str
) -> None:
    asked = {"recipe": name, "dataset": "mnist-10k"}
    examples = {"penalty_weight": 1.0, "likelihood": "gaussian", "n_critic": 2, "augment": "ada"}
    examples |= {"augment_policy": ["colour"], "penalty_every": 2, "mode_seeking": 1.0, "architecture": "mlp"}
    examples |= {"labels_per_class": 5, "extractor": "classifier", "evaluate_images": 100}

    sent = await api.post("/train", json={**asked, "config": SCHEMA["recipes"][name]["defaults"]})

    assert sent.status_code == 202
    for option in TrainConfig.model_fields.keys() - set(options(RECIPES[name])):
        refused = await api.post("/train", json={**asked, "config": {option: examples[option]}})
        assert [error["pointer"] for error in refused.json()["errors"]] == [f"/config/{option}"]


async def test_defaults_are_what_auto_becomes(api: httpx.AsyncClient) -> None:
    for name, described in SCHEMA["recipes"].items():
        run = (await api.post("/train", json={"recipe": name, "dataset": "mnist-10k"})).json()

        told = {key: value for key, value in described["defaults"].items() if value != "auto"}
        assert {key: run["resolved"][key] for key in told} == told


def test_on_a_gpu_networks_are_wider() -> None:
    wide = request_schema(on_gpu=True)["recipes"]

    assert {name: each["defaults"]["width"] for name, each in wide.items()} == {
        name: recipe.gpu_width for name, recipe in RECIPES.items()
    }


def test_the_address_is_not_taken_for_a_run() -> None:
    assert "/train/schema" in DOCUMENT["paths"]
    assert list(DOCUMENT["paths"]).index("/train/schema") < list(DOCUMENT["paths"]).index("/train/{run_id}")
