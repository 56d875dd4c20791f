"""A JSON body is taken exactly where its schema takes it: field by field, against values of every kind."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS31Validator
from pydantic import ValidationError

from app.generate.morph import MorphBody
from app.generate.parameters import GenerateBody
from app.http.session import SignIn
from app.main import create_app
from core.settings import Settings
from ganymede.schemas.bodies import BodyModel
from ganymede.schemas.specs import AliasChange, PublishRequest, RunPatch, RunSpec
from ganymede.schemas.webhooks import ModelWebhookSpec, SecretRotation, SecretWanted, WebhookTest

BODIES: dict[type[BodyModel], dict[str, Any]] = {  # with what each needs at least
    RunSpec: {"recipe": "cgan", "dataset": "mnist-10k"},
    RunPatch: {},
    AliasChange: {"version": 1},
    PublishRequest: {},
    GenerateBody: {},
    MorphBody: {"seeds": "1,7"},
    SignIn: {"key": "k"},
    ModelWebhookSpec: {"url": "https://hooks.example/"},
    WebhookTest: {"url": "https://hooks.example/"},
    SecretWanted: {},
    SecretRotation: {},
}
VALUES: list[Any] = [
    *(None, True, False, 0, 1, 3, 64, -1, 2**32, 10**30, 0.0, 1.0, 64.0, 1.5, 1e-3, 1e300),
    *("", "1", "64", "0.5", "yes", "true", "on", "auto", "none", "alert", "png", "mnist-10k"),
    *([], [1], [1.0], [True], ["1"], ["flip"], ["mode_collapse"], [[1.0]], [[True]], [["1"]], [None]),
    *({}, {"a": "b"}, {"a": 1}, {"a": True}, {"A B": "c"}),
]
PASSED_ON = {"nothing_to_act_on"}  # a rule between two fields, which no schema tells


def paths(model: type[BodyModel]) -> Iterator[tuple[str, ...]]:
    """Every field, and the fields of every part."""
    for name, field in model.model_fields.items():
        yield (name,)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BodyModel):
            yield from ((name, *rest) for rest in paths(field.annotation))


def is_taken(body: type[BodyModel], content: dict[str, Any]) -> bool:
    try:
        body.model_validate(content)
    except ValidationError as error:
        return {problem["type"] for problem in error.errors()} <= PASSED_ON
    return True


@pytest.mark.parametrize(("body", "path"), [(body, path) for body in BODIES for path in paths(body)])
def test_a_field_takes_what_its_schema_takes_and_nothing_else(body: type[BodyModel], path: tuple[str, ...]) -> None:
    schema = OAS31Validator(body.model_json_schema())

    for value in VALUES:
        content: Any = value
        for name in reversed(path):
            content = {name: content}
        content = {**BODIES[body], **content}

        assert is_taken(body, content) == schema.is_valid(content), content


def test_every_json_body_is_looked_at() -> None:
    document = create_app(Settings()).openapi()
    bodies = [
        content["schema"]
        for item in document["paths"].values()
        for operation in item.values()
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items()
        if media_type == "application/json"
    ]

    named = {schema.get("$ref", "") or schema["anyOf"][0]["$ref"] for schema in bodies}
    assert {name.rpartition("/")[2] for name in named} == {body.__name__ for body in BODIES}


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/generate", {"seed": True}, "/seed"),
        ("/generate", {"n": "2"}, "/n"),
        ("/generate", {"metadata": "yes"}, "/metadata"),
        ("/generate", {"label": [1, True]}, "/label/1"),
        ("/generate", {"seeds": [1, "2"]}, "/seeds/1"),
        ("/generate", {"z": [[0.5, "1"]]}, "/z/0/1"),
        ("/train", {"config": {"steps": "64"}}, "/config/steps"),
        ("/train", {"config": {"beta1": True}}, "/config/beta1"),
        ("/train", {"config": {"conditional": 1}}, "/config/conditional"),
        ("/train", {"config": {"augment_policy": "flip"}}, "/config/augment_policy"),
        ("/train/validate", {"resources": {"processes": True}}, "/resources/processes"),
        ("/train", {"publish": {"keep": "5"}}, "/publish/keep"),
    ],
)
async def test_a_value_of_another_type_is_refused_by_the_name_of_its_field(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], pointer: str
) -> None:
    known = BODIES[RunSpec] if path.startswith("/train") else {}

    answer = await client.post(path, json={**known, **body})

    assert answer.status_code == 422
    assert answer.json()["errors"][-1]["pointer"] == pointer  # before it there may be the list that it is in


async def test_a_query_which_has_no_types_stays_lenient(client: httpx.AsyncClient) -> None:
    answer = await client.get("/generate", params={"seed": "3", "n": "2", "metadata": "yes"})

    assert answer.status_code == 200


async def test_a_whole_number_may_be_written_with_a_point(client: httpx.AsyncClient) -> None:
    written = await client.post("/generate", content=b'{"seeds": [3.0], "scale": 2.0}',
                                headers={"Content-Type": "application/json"})  # fmt: skip
    plain = await client.post("/generate", json={"seeds": [3], "scale": 2})

    assert (written.status_code, written.content) == (200, plain.content)


@pytest.mark.parametrize(
    "field", ["model", "seed", "n", "seeds", "label", "z", "truncation", "scale", "format", "metadata"]
)
async def test_null_in_a_body_is_as_if_the_field_were_absent(client: httpx.AsyncClient, field: str) -> None:
    body = {"seeds": "3"} if field in ("seed", "n", "z") else {"seed": 3}

    absent = await client.post("/generate", json=body)
    null = await client.post("/generate", json={**body, field: None})

    assert (null.status_code, null.content) == (200, absent.content)


def nulled(model: type[BodyModel]) -> dict[str, Any]:
    """A body with null for all that may be left out, also in its parts."""
    return {path[0]: None for path in paths(model) if not model.model_fields[path[0]].is_required()}


async def test_a_run_of_nulls_is_a_run_of_defaults(client: httpx.AsyncClient) -> None:
    known, key = {"recipe": "cgan", "dataset": "mnist-10k"}, {"Idempotency-Key": "nulls"}
    inner = {
        name: dict.fromkeys(part.annotation.model_fields)
        for name, part in RunSpec.model_fields.items()
        if isinstance(part.annotation, type) and issubclass(part.annotation, BodyModel)
    }

    first = await client.post("/train", json=known, headers=key)
    again = await client.post("/train", json={**nulled(RunSpec), **known}, headers=key)
    other = await client.post("/train", json={**known, **inner})

    assert [answer.status_code for answer in (first, again, other)] == [202, 202, 202]
    assert again.json()["id"] == first.json()["id"]
    assert other.json()["resolved"] == first.json()["resolved"]
    assert other.json()["config"] == first.json()["config"]


async def test_null_where_it_means_something_stays_what_it_means(client: httpx.AsyncClient) -> None:
    made = await client.post("/train", json={"recipe": "cgan", "dataset": "mnist-10k", "name": "a", "tags": {"k": "v"}})
    address = f"/train/{made.json()['id']}"

    unnamed = await client.patch(address, json={"name": None, "tags": None})
    untagged = await client.patch(address, json={"tags": {"k": None}})

    assert (unnamed.json()["name"], unnamed.json()["tags"]) == (None, {"k": "v"})
    assert untagged.json()["tags"] == {}


async def test_null_for_what_is_needed_is_refused_by_name(client: httpx.AsyncClient) -> None:
    answer = await client.post("/train", json={"recipe": "cgan", "dataset": None})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/dataset")
