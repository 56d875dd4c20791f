"""The OpenAPI document: valid, complete, true to what is sent, of use to people. Over all routes, whatever they are."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.http.openapi import TAGS, every_error
from app.main import create_app
from core.settings import Settings
from ganymede.schemas.problems import ProblemCode

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT: dict[str, Any] = create_app(Settings()).openapi()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}
BACKTICKED = re.compile(r"`([a-z_]+)`")
NOT_CODES = {"current_status", "allowed"}  # members of a problem, named beside its code

each_operation = pytest.mark.parametrize("name", OPERATIONS)


def codes(name: str, status: str) -> set[str]:
    return set(BACKTICKED.findall(OPERATIONS[name]["responses"].get(status, {"description": ""})["description"]))


def resolved(value: dict[str, Any]) -> dict[str, Any]:
    """What a reference within the document points to."""
    found: Any = DOCUMENT
    for part in value["$ref"].removeprefix("#/").split("/") if "$ref" in value else ():
        found = found[part]
    return found if "$ref" in value else value


def problems_of(instance: Any, schema: dict[str, Any]) -> list[str]:
    whole = {**schema, "components": DOCUMENT["components"]}
    return [f"{list(error.path)}: {error.message}" for error in OAS31Validator(whole).iter_errors(instance)]


def contents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every body of every request and answer."""
    for name, operation in OPERATIONS.items():
        for body in (operation.get("requestBody", {}), *operation["responses"].values()):
            yield from ((f"{name} {media_type}", content) for media_type, content in body.get("content", {}).items())


def fields(schema: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within a schema."""
    if isinstance(schema, dict):
        yield path, schema
        for key, value in schema.items():
            yield from fields(value, f"{path}/{key}")
    elif isinstance(schema, list):
        for i, value in enumerate(schema):
            yield from fields(value, f"{path}/{i}")


def test_the_document_keeps_to_the_specification() -> None:
    errors = [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()]

    assert errors == []


def test_it_says_what_the_service_is_where_it_is_and_under_which_licence() -> None:
    assert DOCUMENT["info"].keys() >= {"title", "version", "description", "license"}
    assert [server["url"] for server in DOCUMENT["servers"]] == ["/"]


def test_nothing_is_left_of_the_frameworks_own_errors() -> None:
    assert not {"HTTPValidationError", "ValidationError"} & DOCUMENT["components"]["schemas"].keys()
    assert "HTTPValidationError" not in str(DOCUMENT)
    assert "Validation Error" not in str(DOCUMENT)
    assert "Successful Response" not in str(DOCUMENT)


@each_operation
def test_every_operation_has_a_text_for_people_and_a_described_tag(name: str) -> None:
    operation = OPERATIONS[name]

    assert len(operation["summary"]) > 10
    assert all(response["description"] for response in operation["responses"].values())
    assert operation["tags"]
    assert set(operation["tags"]) <= TAGS.keys()


@each_operation
def test_every_operation_documents_the_errors_that_any_may_answer(name: str) -> None:
    assert "host_not_allowed" in codes(name, "400")
    assert {"internal", "store_damaged"} <= codes(name, "500")
    assert ("origin_not_allowed" in codes(name, "403")) is (not name.startswith("GET "))
    assert ("body_too_large" in codes(name, "413")) is ("requestBody" in OPERATIONS[name])
    if "parameters" in OPERATIONS[name] or "requestBody" in OPERATIONS[name]:
        assert "invalid_request" in codes(name, "422")


@each_operation
def test_every_error_is_a_problem_document_with_known_codes_of_its_status(name: str) -> None:
    statuses = {error.code: str(error.status) for error in every_error()}
    for status, response in OPERATIONS[name]["responses"].items():
        if status >= "4" and (name, status) != ("GET /readyz", "503"):  # that one tells readiness, in its own form
            assert list(response["content"]) == ["application/problem+json"]
            assert codes(name, status), status
            assert {statuses.get(code) for code in codes(name, status) - NOT_CODES} == {status}


def test_the_example_of_an_unexpected_error_is_that_of_a_request() -> None:
    assert DOCUMENT["components"]["examples"]["Problem.internal"]["value"]["title"] == "Internal error"


def test_every_picture_is_described_as_bytes() -> None:
    pictures = [content for name, content in contents() if " image/" in name or name.endswith(" application/x-npy")]

    assert len(pictures) >= 4
    assert all(content["schema"] == {"type": "string", "format": "binary"} for content in pictures)


EXAMPLES = [
    (f"{name} {key}", content["schema"], resolved(example)["value"])
    for name, content in contents()
    for key, example in content.get("examples", {}).items()
]
FIELD_EXAMPLES = [
    (path, schema, example)
    for path, schema in fields({"components": DOCUMENT["components"]["schemas"], "paths": DOCUMENT["paths"]}, "")
    for example in (schema["examples"] if isinstance(schema.get("examples"), list) else ())
]


@pytest.mark.parametrize(("name", "schema", "example"), EXAMPLES, ids=[name for name, _, _ in EXAMPLES])
def test_an_example_is_what_its_schema_says(name: str, schema: dict[str, Any], example: Any) -> None:
    assert problems_of(example, schema) == []


@pytest.mark.parametrize(("name", "schema", "example"), FIELD_EXAMPLES, ids=[name for name, _, _ in FIELD_EXAMPLES])
def test_an_example_of_a_field_is_what_its_schema_says(name: str, schema: dict[str, Any], example: Any) -> None:
    assert problems_of(example, schema) == []


def test_a_wrong_example_would_be_noticed() -> None:
    spec = {"$ref": "#/components/schemas/RunSpec"}

    assert problems_of({"recipe": "cgan", "dataset": "shapes", "stepz": 1}, spec)
    assert problems_of({"recipe": "cgan"}, spec)


@pytest.mark.parametrize("name", ["GET /generate", "POST /generate"])
def test_drawing_describes_its_forms_its_headers_and_how_it_is_asked_again(name: str) -> None:
    operation = OPERATIONS[name]

    success = operation["responses"]["200"]
    assert "if-none-match" in {parameter["name"].lower() for parameter in operation["parameters"]}
    assert success["headers"].keys() >= {"Model", "Model-Version", "Model-Digest", "Seed", "Label", "ETag"}
    assert set(success["content"]) == {
        *("image/png", "image/webp", "application/json", "application/zip", "application/x-npy"),
        *("audio/wav", "audio/flac"),
    }


def test_the_first_form_of_an_answer_is_the_one_that_is_sent_unasked() -> None:
    first = {name: next(iter(each["responses"]["200"].get("content", {})), "") for name, each in OPERATIONS.items()
             if len(each["responses"].get("200", {}).get("content", {})) > 1}  # fmt: skip

    assert first == {
        "GET /": "application/json",
        "GET /generate": "image/png",
        "POST /generate": "image/png",
        "POST /generate/morph": "image/webp",
        "POST /complete": "image/png",
        "GET /generate/timeline": "image/png",
        "GET /train/{run_id}/events": "application/json",
        "GET /train/{run_id}/metrics": "application/json",
        "GET /train/{run_id}/checkpoints/{step}/nearest": "image/webp",
        "GET /metrics": "text/plain",
    }


def test_what_is_json_is_described_as_json() -> None:
    found = {name: content["schema"] for name, content in contents() if name.endswith("json")}

    assert [name for name, schema in found.items() if schema.get("type") == "string"] == []


async def test_a_manifest_is_what_its_schema_says(client: httpx.AsyncClient) -> None:
    models = (await client.get("/models")).json()["data"]
    content = OPERATIONS["GET /models/{model}/versions/{version}/manifest"]["responses"]["200"]["content"]

    sent = (await client.get(f"/models/{models[0]['name']}/versions/1/manifest")).json()

    assert problems_of(sent, content["application/json"]["schema"]) == []


def test_every_parameter_and_every_schema_is_told_in_words() -> None:
    parameters = [(name, told) for name, each in OPERATIONS.items() for told in each.get("parameters", [])]

    assert [(name, told["name"]) for name, told in parameters if not told.get("description")] == []
    assert [name for name, told in DOCUMENT["components"]["schemas"].items() if not told.get("description")] == []


def test_every_operation_is_named_by_words_and_no_key_is_asked_for() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]

    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+){0,3}", name)] == []
    assert "generate" in names
    assert DOCUMENT["security"] == []


def test_what_nobody_is_left_to_read_is_not_described() -> None:
    assert not any("499" in operation["responses"] for operation in OPERATIONS.values())


def test_starting_a_run_has_two_examples() -> None:
    content = OPERATIONS["POST /train"]["requestBody"]["content"]["application/json"]

    assert len(content["examples"]) == 2


async def test_an_error_that_is_sent_is_what_its_schema_says(client: httpx.AsyncClient) -> None:
    answers = [
        await client.get("/models/nobody"),
        await client.post("/train", json={"recipe": "?", "dataset": "mnist-10k", "what": 1}),
        await client.get("/models", headers={"Host": "evil.example"}),
        await client.post("/train", content=b"\xff\xfe{", headers={"Content-Type": "application/json"}),
    ]

    assert [answer.status_code for answer in answers] == [404, 422, 400, 400]
    for answer in answers:
        assert problems_of(answer.json(), {"$ref": "#/components/schemas/Problem"}) == []


def test_the_contract_has_exactly_the_codes_there_are() -> None:
    assert sorted(error.code for error in every_error()) == sorted(ProblemCode)


def test_the_api_page_lists_exactly_the_codes_there_are_under_their_status() -> None:
    page = (ROOT / "docs" / "api.md").read_text()

    rows = re.findall(r"^\| ([45]\d\d) \| (.*) \|$", page, re.M)

    listed = {(int(status), code) for status, text in rows for code in BACKTICKED.findall(text)}
    known = {(error.status, error.code) for error in every_error()}
    assert {entry for entry in listed if entry[1] not in NOT_CODES} == known
