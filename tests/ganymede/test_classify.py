"""`client.classify` and `ganymede classify`: what is sent of pictures, and what is shown of the answer."""

from pathlib import Path

import pytest

from ganymede.client import Client
from tests.ganymede.conftest import Ganymede
from tests.ganymede.contract import Answer, Contract, problem

SEVEN, THREE = b"\x89PNG seven", b"\xff\xd8 three"
BODY = {
    "model": "read",
    "version": 2,
    "digest": "sha256:0",
    "temperature": 1.5,
    "pictures": [
        {
            "file": "seven.png",
            "classes": [
                {"label": 7, "name": "seven", "probability": 0.75},
                {"label": 1, "name": "one", "probability": 0.125},
            ],
        },
        {"file": "three.jpg", "classes": [{"label": 3, "name": "three", "probability": 0.9}]},
    ],
}


@pytest.fixture
def service(contract: Contract) -> Contract:
    contract.on("POST", "/classify", Answer(BODY))
    return contract


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "seven.png").write_bytes(SEVEN)
    (tmp_path / "three.jpg").write_bytes(THREE)
    return [str(tmp_path / "seven.png"), str(tmp_path / "three.jpg")]


def test_pictures_are_sent_as_a_form_files_and_bytes(service: Contract, files: list[str]) -> None:
    with Client(service.url) as client:
        told = client.classify(files[0], THREE, model="read", top=2)

    (asked,) = service.seen
    assert asked.query == {"model": ["read"], "top": ["2"]}
    assert asked.headers["content-type"].startswith("multipart/form-data")
    assert all(part in asked.body for part in (b'filename="seven.png"', SEVEN, THREE))
    assert asked.body.count(b'name="picture"') == 2
    assert told.pictures[0].classes[0].name == "seven"
    assert told.temperature == 1.5


def test_the_command_tells_the_classes_of_each_picture(service: Contract, ganymede: Ganymede, files: list[str]) -> None:
    shown, brief = ganymede("classify", *files, "-m", "read"), ganymede("classify", *files, "--quiet")

    assert shown.exit_code == 0
    assert shown.stdout.splitlines() == [
        "PICTURE\tCLASS\tPROBABILITY",
        "seven.png\tseven\t75.0%",
        "seven.png\tone\t12.5%",
        "three.jpg\tthree\t90.0%",
    ]
    assert brief.stdout == "seven\nthree\n"
    assert service.seen[0].query == {"model": ["read"]}


def test_what_is_refused_and_what_is_no_file_end_with_one(
    contract: Contract, ganymede: Ganymede, files: list[str]
) -> None:
    contract.on("POST", "/classify", problem(422, "picture_invalid", "/picture/1: three.jpg: is no picture"))

    refused, missing = ganymede("classify", *files), ganymede("classify", "nothing.png")

    assert (refused.exit_code, missing.exit_code) == (1, 1)
    assert "three.jpg" in refused.stderr
    assert "nothing.png" in missing.stderr
