"""Every error is problem+json, with what is needed to understand it and nothing more."""

import logging
from typing import Any

import httpx
import pytest

from app.http.routing import METHODS
from app.main import create_app
from core.runs import RunStore
from core.settings import Settings
from core.store import Store
from ganymede.schemas.specs import RunSpec
from tests.fixtures import PublishTiny
from tests.manifests import dataset_manifest
from tests.records import numbers

MEMBERS = {"type", "title", "status", "code", "detail", "instance", "request_id"}


async def test_a_full_disk_is_told_as_that(client: httpx.AsyncClient, store: Store) -> None:
    run = RunStore(store).create(RunSpec(recipe="cgan", dataset="shapes"), numbers(100), dataset_manifest())
    changes = store.path("runs/.changes")
    changes.unlink(missing_ok=True)
    changes.symlink_to("/dev/full")

    answer = await client.post(f"/train/{run.id}/cancel")

    assert (answer.status_code, answer.json()["code"]) == (507, "store_full")
    assert "make room" in answer.json()["detail"]


@pytest.mark.parametrize("part", ["state.json", "notes.json", "events.jsonl", "log.txt"])
async def test_a_folder_in_the_place_of_a_file_is_told_as_damage(
    client: httpx.AsyncClient, store: Store, part: str
) -> None:
    run = RunStore(store).create(RunSpec(recipe="cgan", dataset="shapes"), numbers(100), dataset_manifest())
    (run.folder / part).unlink(missing_ok=True)
    (run.folder / part).mkdir()
    address = {"events.jsonl": f"/train/{run.id}/events", "log.txt": f"/train/{run.id}/log"}.get(part)

    answer = await client.get(address or f"/train/{run.id}")
    listed = await client.get("/train")

    assert (answer.status_code, answer.json()["code"]) == (500, "store_damaged")
    assert f"{run.id}/{part}" in answer.json()["detail"]
    assert listed.status_code == 200


async def test_an_address_that_is_none_is_a_problem_document(client: httpx.AsyncClient) -> None:
    answer = await client.get("/nothing/here")

    body = answer.json()
    assert (answer.status_code, body["code"], body["instance"]) == (404, "not_found", "/nothing/here")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert body.keys() == MEMBERS
    assert body["type"] == "urn:ganymede:problem:not_found"
    assert "/nothing/here" in body["detail"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/generate", "GET, HEAD, POST"),
        ("DELETE", "/train", "GET, HEAD, POST"),
        ("POST", "/train/run_00000000000000000000", "GET, HEAD, PATCH, DELETE"),
        ("GET", "/train/run_00000000000000000000/cancel", "POST"),
        ("POST", "/models/tiny", "GET, HEAD, DELETE"),
        ("PUT", "/datasets", "GET, HEAD, POST"),
        ("POST", "/readyz", "GET, HEAD"),
        ("POST", "/", "GET, HEAD"),
        ("OPTIONS", "/train", "GET, HEAD, POST"),
        ("GET", "/train/validate", "POST"),
        ("DELETE", "/train/validate", "POST"),
        ("PATCH", "/train/schema", "GET, HEAD"),
        ("POST", "/train/schema", "GET, HEAD"),
        ("DELETE", "/train/schema", "GET, HEAD"),
        ("POST", "/models/tiny/versions/1/weights", "GET, HEAD"),
        ("DELETE", "/models/tiny/versions", "GET, HEAD, POST"),
        ("DELETE", "/models/tiny/aliases/production/history", "GET, HEAD"),
        ("TRACE", "/livez", "GET, HEAD"),
    ],
)
async def test_a_method_that_is_not_possible_is_told_with_all_that_are(
    client: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    answer = await client.request(method, path)

    body = answer.json()
    assert (answer.status_code, body["code"], answer.headers["Allow"]) == (405, "method_not_allowed", allowed)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert allowed in body["detail"]


async def test_allow_knows_every_method_that_a_route_has(settings: Settings) -> None:
    paths: dict[str, dict[str, Any]] = create_app(settings).openapi()["paths"]

    methods = {method.upper() for operations in paths.values() for method in operations}

    assert methods <= set(METHODS)


async def test_an_engine_that_fails_is_an_internal_error_that_tells_the_client_nothing_inside(
    failing: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = await failing.get("/generate", params={"seed": 1}, headers={"Request-Id": "mine"})

    body = answer.json()
    assert (answer.status_code, body["code"], body["request_id"]) == (500, "internal", "mine")
    assert answer.headers["Request-Id"] == "mine"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert "the secret of the engine" in caplog.text  # the log has it


async def test_an_engine_that_fails_leaves_the_other_models_drawing(
    failing: httpx.AsyncClient, publish_tiny: PublishTiny
) -> None:
    publish_tiny("healthy")

    broken = [await failing.get("/generate", params={"seed": seed}) for seed in range(3)]
    healthy = await failing.get("/generate", params={"model": "healthy", "seed": 1})

    assert [answer.status_code for answer in broken] == [500, 500, 500]
    assert healthy.status_code == 200


async def test_a_head_request_gets_the_status_of_its_error(failing: httpx.AsyncClient) -> None:
    assert (await failing.head("/generate", params={"model": "nobody"})).status_code == 404
    assert (await failing.head("/generate", params={"model": "nobody"})).status_code == 404


@pytest.mark.parametrize("content", [b'{"\\ud800": 1}', b'{"model": "\\ud800"}', b'{"label": "\\ud800"}'])
async def test_text_that_is_no_unicode_is_the_clients_error(client: httpx.AsyncClient, content: bytes) -> None:
    answer = await client.post("/generate", content=content, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize("path", ["/%00", "/models/%ff", "/train/%0d%0aX: y", "//evil.example/", "/models/a%2fb"])
async def test_an_odd_path_is_the_clients_error(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"http://localhost{path}")

    assert answer.status_code in (400, 404, 422), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "x" not in answer.headers


async def test_a_field_that_may_be_one_of_several_types_is_told_once(client: httpx.AsyncClient) -> None:
    asked = {"recipe": "cgan", "dataset": "mnist-10k", "config": {"steps": "abc", "beta1": 7}}

    answer = await client.post("/train", json=asked)

    told = {error["pointer"]: error["detail"] for error in answer.json()["errors"]}
    assert len(answer.json()["errors"]) == 2
    assert told["/config/steps"].startswith("Input should be 'auto', or a valid integer")
    assert told["/config/beta1"] == "Input should be 'auto', or less than 1"
