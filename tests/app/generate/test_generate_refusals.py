"""What /generate refuses: each answer says which field is wrong, and what is allowed there."""

from typing import Any

import httpx
import pytest

from models.sizes import DCGANConfig
from tests.fixtures import PublishTiny


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer, which must be one."""
    body: dict[str, Any] = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), body
    assert {"type", "title", "detail", "instance", "request_id"} <= body.keys()
    return body


@pytest.mark.parametrize(
    ("query", "field", "told"),
    [
        ({"n": 65}, "n", "1 to 64"),
        ({"n": 10**12}, "n", "1 to 64"),
        ({"n": 0}, "n", "greater than or equal to 1"),
        ({"n": "many"}, "n", "integer"),
        ({"seed": 2**32}, "seed", "less than 4294967296"),
        ({"seed": -2}, "seed", "-1"),
        ({"seed": "seven"}, "seed", "integer"),
        ({"seed": ""}, "seed", "integer"),
        ({"seed": "1" * 5000}, "seed", "integer"),
        ({"format": "gif"}, "format", "'png', 'webp', 'json', 'zip', 'npy', 'wav' or 'flac'"),
        ({"label": "hexagon"}, "label", "circle, square, cross"),
        ({"label": "3"}, "label", "0 to 2"),
        ({"label": "-1"}, "label", "0 to 2"),
        ({"label": "٣"}, "label", "0 to 2"),
        ({"label": "1" * 5000}, "label", "0 to 2"),
        ({"label": ["0", "1"], "n": 3}, "label", "one per image (3)"),
        ({"label": ["0", "1"], "n": 1}, "label", "one per image (1)"),
        ({"model": "Tiny"}, "model", "lower-case"),
        ({"model": "tiny@0"}, "model", "NAME@VERSION"),
        ({"model": "tiny@latest"}, "model", "NAME@VERSION"),
        ({"model": "tiny@1:latest"}, "model", "NAME@VERSION"),
        ({"model": "../tiny"}, "model", "lower-case"),
        ({"model": "x" * 300}, "model", "200"),
        ({"model": "run:run_00000000000000000000"}, "model", "run:RUN_ID@STEP"),
        ({"sed": 1}, "sed", "does not exist"),
        ({"int": 1}, "int", "does not exist"),
        ({"z": "[[0]]"}, "z", "does not exist"),
        ({"truncation": 0}, "truncation", "greater than 0"),
        ({"truncation": 1.01}, "truncation", "less than or equal to 1"),
        ({"truncation": "nan"}, "truncation", "finite"),
        ({"truncation": "inf"}, "truncation", "finite"),
        ({"scale": 0}, "scale", "greater than or equal to 1"),
        ({"scale": 9}, "scale", "less than or equal to 8"),
        ({"scale": 1.5}, "scale", "integer"),
        ({"metadata": "perhaps"}, "metadata", "boolean"),
        ({"metadata": True, "format": "webp"}, "metadata", "only png, json, zip can carry it; the format is webp"),
        ({"metadata": True, "format": "npy"}, "metadata", "only png, json, zip can carry it; the format is npy"),
        ({"seeds": ""}, "seeds", "like 0,1,4-6"),
        ({"seeds": "1,"}, "seeds", "like 0,1,4-6"),
        ({"seeds": "-1"}, "seeds", "each 0 to 4294967295"),
        ({"seeds": "4294967296"}, "seeds", "each 0 to 4294967295"),
        ({"seeds": "6-4"}, "seeds", "from the smaller to the larger"),
        ({"seeds": "0-64"}, "seeds", "1 to 64 seeds, got 65"),
        ({"seeds": "0-4294967295"}, "seeds", "1 to 64 seeds, got 4294967296"),
        ({"seeds": ",".join(["1"] * 65)}, "seeds", "1 to 64 seeds, got 65"),
        ({"seeds": "1,2", "seed": 1}, "seed", "leave it out, or leave out seeds"),
        ({"seeds": "1,2", "seed": -1}, "seed", "leave it out, or leave out seeds"),
        ({"seeds": "1,2", "n": 2}, "n", "leave it out, or leave out seeds"),
        ({"seeds": "1,2,3", "label": ["0", "1"]}, "label", "one per image (3)"),
    ],
)
async def test_a_wrong_parameter_is_named_with_what_is_allowed(
    client: httpx.AsyncClient, query: dict[str, Any], field: str, told: str
) -> None:
    answer = await client.get("/generate", params=query)

    body = problem(answer, 422, "invalid_request")
    assert [error["pointer"] for error in body["errors"]] == [field]
    assert told in body["errors"][0]["detail"]
    assert field in body["detail"]


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({"sed": 1}, "/sed"),
        ({"int": 1}, "/int"),
        ({"a/b~c": 1}, "/a~1b~0c"),
        ({"n": 65}, "/n"),
        ({"seed": 1.5}, "/seed"),
        ({"label": "hexagon"}, "/label"),
        ({"label": 1.5}, "/label"),
        ({"label": {"name": "square"}}, "/label"),
        ({"label": [0, 1.5], "n": 2}, "/label/1"),
        ({"seeds": []}, "/seeds"),
        ({"seeds": list(range(65))}, "/seeds"),
        ({"seeds": [0, -1]}, "/seeds/1"),
        ({"seeds": [2**32]}, "/seeds/0"),
        ({"seeds": [1, "2"]}, "/seeds/1"),
        ({"seeds": [True]}, "/seeds/0"),
        ({"seeds": [0], "n": 1}, "/n"),
        ({"z": [[0.0] * 4], "seed": 1}, "/seed"),
        ({"z": [[0.0] * 4], "seed": -1}, "/seed"),
        ({"z": [[0.0] * 4], "n": 1}, "/n"),
        ({"z": [[0.0] * 4], "seeds": "1"}, "/seeds"),
        ({"z": []}, "/z"),
        ({"z": [[0.0] * 4] * 65}, "/z"),
        ({"z": [[0.0] * 4, [0.0] * 3]}, "/z/1"),
        ({"z": [[0.0] * 4, []]}, "/z/1"),
        ({"z": [[0.0] * 4, [0.0, 0.0, "1", 0.0]]}, "/z/1/2"),
        ({"z": [[0.0, 0.0, 0.0, 1001]]}, "/z/0/3"),
        ({"z": [[0.0, 0.0, 0.0, True]]}, "/z/0/3"),
        ({"z": [[0.0, 0.0, 0.0, None]]}, "/z/0/3"),
        ({"z": [0.0] * 4}, "/z/0"),
        ({"z": [[0.0] * 4], "label": [0, 1]}, "/label"),
        ({"model": "Tiny"}, "/model"),
        ({"model": ["tiny"]}, "/model"),
    ],
)
async def test_a_wrong_field_of_the_body_is_pointed_at(
    client: httpx.AsyncClient, sent: dict[str, Any], pointer: str
) -> None:
    answer = await client.post("/generate", json=sent)

    body = problem(answer, 422, "invalid_request")
    assert pointer in {error["pointer"] for error in body["errors"]}
    assert all(error["pointer"].startswith(pointer.rpartition("/")[0]) for error in body["errors"])
    assert not any("union" in error["pointer"] or "/str" in error["pointer"] for error in body["errors"])


async def test_a_label_on_a_model_without_classes_is_refused_as_such(
    client: httpx.AsyncClient, publish_tiny: PublishTiny
) -> None:
    publish_tiny("plain", config=DCGANConfig(image_size=8, channels=1, latent_dim=4, width=16, num_classes=0))

    got = await client.get("/generate", params={"model": "plain", "label": "0"})
    posted = await client.post("/generate", json={"model": "plain", "label": 0})

    assert problem(got, 422, "label_not_supported")["errors"][0]["pointer"] == "label"
    assert problem(posted, 422, "label_not_supported")["errors"][0]["pointer"] == "/label"


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("nobody", "there is no model 'nobody'"),
        ("nobody@1", "there is no model 'nobody'"),
        ("tiny@2", "no version 2 (newest: 1)"),
        ("tiny@999999999", "no version 999999999"),
        ("tiny:stable", "no alias 'stable' (aliases: latest)"),
    ],
)
async def test_a_model_that_is_not_there_is_not_found(client: httpx.AsyncClient, reference: str, told: str) -> None:
    answer = await client.get("/generate", params={"model": reference, "seed": 1})

    assert told in problem(answer, 404, "model_not_found")["detail"]


async def test_a_model_that_was_missing_is_found_once_it_is_published(
    client: httpx.AsyncClient, publish_tiny: PublishTiny
) -> None:
    before = await client.get("/generate", params={"model": "late"})
    publish_tiny("late")

    after = await client.get("/generate", params={"model": "late"})

    assert (before.status_code, after.status_code) == (404, 200)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_noise_that_is_no_finite_number_is_pointed_at(client: httpx.AsyncClient, number: str) -> None:
    body = f'{{"z": [[0, 0, 0, 0], [0, 0, 0, {number}]]}}'

    answer = await client.post("/generate", content=body, headers={"Content-Type": "application/json"})

    assert [error["pointer"] for error in problem(answer, 422, "invalid_request")["errors"]] == ["/z/1/3"]


@pytest.mark.parametrize("field", ["z", "seeds", "label"])
async def test_a_body_full_of_wrong_values_is_told_the_first_of_them(client: httpx.AsyncClient, field: str) -> None:
    answer = await client.post("/generate", json={field: [{}] * 100_000})

    assert len(problem(answer, 422, "invalid_request")["errors"]) < 5
    assert len(answer.content) < 2000


async def test_labels_are_counted_before_they_are_looked_up(client: httpx.AsyncClient) -> None:
    answer = await client.post("/generate", json={"label": ["hexagon"] * 90_000})

    told = "/label: one label, or one per image (1); got 90000"
    assert problem(answer, 422, "invalid_request")["detail"] == told


async def test_noise_of_the_wrong_length_is_told_what_the_model_needs(client: httpx.AsyncClient) -> None:
    answer = await client.post("/generate", json={"z": [[0.0] * 4, [0.0] * 5]})

    assert problem(answer, 422, "invalid_request")["detail"] == "/z/1: 4 numbers a row, got 5"


@pytest.mark.parametrize("accept", ["application/xml", "image/gif", "image/*;q=0", "*/*;q=0", "nonsense"])
async def test_an_accept_that_cannot_be_met_is_answered_with_what_there_is(
    client: httpx.AsyncClient, accept: str
) -> None:
    answer = await client.get("/generate", params={"seed": 1}, headers={"Accept": accept})

    told = "image/png, image/webp, application/json, application/zip, application/x-npy"
    assert told in problem(answer, 406, "not_acceptable")["detail"]


async def test_what_cannot_carry_a_recipe_is_not_what_accept_chooses(client: httpx.AsyncClient) -> None:
    asked = {"seed": 1, "metadata": True}

    either = await client.get("/generate", params=asked, headers={"Accept": "image/webp, */*;q=0.5"})
    only = await client.get("/generate", params=asked, headers={"Accept": "image/webp"})

    assert either.headers["Content-Type"] == "image/png"
    assert "image/png, application/json, application/zip" in problem(only, 406, "not_acceptable")["detail"]


async def test_every_wrong_field_is_named_at_once(client: httpx.AsyncClient) -> None:
    answer = await client.get("/generate", params={"n": 0, "seed": "x", "sed": 1})

    named = {error["pointer"] for error in problem(answer, 422, "invalid_request")["errors"]}
    assert named == {"n", "seed", "sed"}
