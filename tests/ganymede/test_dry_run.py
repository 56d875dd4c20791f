"""`ganymede train --dry-run`, and the client's part of it."""

import json
from typing import Any

import pytest

from ganymede import Client
from tests.ganymede.conftest import Ganymede
from tests.ganymede.contract import Answer, Contract, problem

TOLD: dict[str, Any] = {
    "recipe": "cgan",
    "dataset": {"name": "shapes", "count": 96},
    "model": "mine",
    "config": {"steps": 9},
    "resolved": {"steps": 9, "augment": "ada", "network": {"width": 16}},
    "parameters": {"generator": 1234567, "discriminator": 89},
    "memory": {"bytes": 500_000_000, "machine_bytes": 8_000_000_000, "is_measured": False},
    "time": {
        "seconds": 3700.0,
        "seconds_per_step": 0.5,
        "seconds_range": {"least": 3000.0, "most": 7500.0},
        "images_per_second": 512.0,
        "images_per_second_range": {"least": 256.0, "most": 640.0},
        "steps_measured": 5,
        "batch_size": 8,
        "core_share": 0.9,
    },
    "measured": {"host": "here", "device": "cpu", "precision": "bfloat16", "threads": 2, "at": "2026-01-01T00:00:00Z"},
    "warnings": [{"code": "few_images", "pointer": "/dataset", "detail": "96 are\x1b[2J few"}],
}


@pytest.fixture
def service(contract: Contract) -> Contract:
    contract.on("POST", "/train/validate", Answer(TOLD))
    return contract


def test_it_tells_what_a_run_would_take_and_starts_none(service: Contract, ganymede: Ganymede) -> None:
    done = ganymede("train", "cgan", "shapes", "--model", "mine", "--steps", "9", "--set", "width=16", "--dry-run")

    facts = dict(line.split("\t") for line in done.stdout.splitlines())
    assert done.exit_code == 0
    assert facts["parameters"] == "generator 1,234,567, discriminator 89"
    assert facts["time"].endswith("at 512 images/s")
    assert facts["between"] == "50:00 and 2:05:00"
    assert facts["memory"].startswith("about ")
    assert facts["measured"] == "on here: cpu, bfloat16, 2 threads"
    assert facts["augment"] == "ada"
    assert "/dataset: 96 are [2J few" in done.stderr
    (request,) = service.seen
    assert request.json == {
        "recipe": "cgan",
        "dataset": "shapes",
        "model": "mine",
        "config": {"width": 16, "steps": 9},
    }


def test_the_recipe_that_would_be_chosen_is_told_with_its_reason(contract: Contract, ganymede: Ganymede) -> None:
    resolved = {"recipe": "sngan", "recipe_reason": "it is steady"}
    contract.on("POST", "/train/validate", Answer({**TOLD, **resolved, "resolved": resolved}))

    done = ganymede("train", "shapes", "--dry-run")

    assert "recipe\tsngan\n" in done.stdout
    assert "recipe_reason\tit is steady\n" in done.stdout
    assert contract.seen[-1].json == {"dataset": "shapes"}


def test_as_json_it_is_what_the_service_says_and_with_curl_it_is_a_request(
    service: Contract, ganymede: Ganymede
) -> None:
    as_json = ganymede("train", "cgan", "shapes", "--dry-run", "--json")
    as_curl = ganymede("train", "cgan", "shapes", "--dry-run", "--curl")

    assert json.loads(as_json.stdout) == TOLD
    assert "/train/validate" in as_curl.stdout
    assert len(service.seen) == 1


def test_what_was_not_measured_is_left_out(contract: Contract, ganymede: Ganymede) -> None:
    contract.on("POST", "/train/validate", Answer({**TOLD, "memory": None, "time": None, "measured": None}))

    done = ganymede("train", "cgan", "shapes", "--dry-run")

    assert done.exit_code == 0
    assert not {"time", "memory", "measured"} & {line.partition("\t")[0] for line in done.stdout.splitlines()}


def test_a_refusal_names_the_field(contract: Contract, ganymede: Ganymede) -> None:
    errors = [{"pointer": "/config/stepz", "detail": "this field does not exist"}]
    contract.on("POST", "/train/validate", problem(422, "invalid_request", "no", errors=errors))

    done = ganymede("train", "cgan", "shapes", "--set", "stepz=3", "--dry-run")

    assert done.exit_code == 1
    assert "/config/stepz" in done.stderr


def test_the_client_asks_for_an_estimate_unless_it_is_told_not_to(service: Contract) -> None:
    with Client(service.url) as client:
        told = client.validate("cgan", "shapes", config={"steps": 9})
        client.validate("cgan", "shapes", estimate=False)

        client.validate("shapes", estimate=False)

    assert [request.json.get("recipe") for request in service.seen] == ["cgan", "cgan", None]
    assert told.time is not None
    assert told.time.seconds == 3700
    assert [request.query for request in service.seen] == [{}, *[{"estimate": ["false"]}] * 2]


def test_the_client_reads_the_schema(contract: Contract) -> None:
    contract.on("GET", "/train/schema", Answer({"recipes": {"cgan": {}}}))

    with Client(contract.url) as client:
        assert client.train_schema() == {"recipes": {"cgan": {}}}
