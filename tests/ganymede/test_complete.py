"""`client.complete` and `ganymede complete`: what is sent of a picture with a hole, and what comes of the answer."""

from pathlib import Path

import pytest

from ganymede.client import Client
from tests.ganymede.conftest import Ganymede
from tests.ganymede.contract import Answer, Contract, problem

FACTS = {"Content-Type": "image/png", "Model": "mended", "Model-Version": "2", "Model-Digest": "sha256:0", "Seed": "3"}
HOLED, MASK, DRAFTS = b"\x89PNG holed", b"\x89PNG mask", b"\x89PNG drafts"


@pytest.fixture
def service(contract: Contract) -> Contract:
    contract.on("POST", "/complete", Answer(DRAFTS, headers=FACTS))
    return contract


def test_a_picture_is_sent_as_it_is_and_with_a_mask_as_a_form(service: Contract, tmp_path: Path) -> None:
    (tmp_path / "mask.png").write_bytes(MASK)

    with Client(service.url) as client:
        drawing = client.complete(HOLED, model="mended", seeds=[3, 5], label=["a", 1], scale=2)
        client.complete(HOLED, tmp_path / "mask.png", n=4)
        client.complete(HOLED, method="search", steps=50)

    plain, form, search = service.seen
    assert (drawing.content, drawing.reference, drawing.seed) == (DRAFTS, "mended@2", 3)
    assert (plain.headers["content-type"], plain.body) == ("image/png", HOLED)
    assert plain.query == {"model": ["mended"], "seeds": ["3,5"], "label": ["a", "1"], "scale": ["2"]}
    assert form.headers["content-type"].startswith("multipart/form-data")
    assert all(part in form.body for part in (b'name="picture"', HOLED, b'name="mask"', MASK))
    assert form.query == {"n": ["4"]}
    assert search.query == {"method": ["search"], "steps": ["50"]}


def test_the_command_writes_the_drafts_and_says_how_to_have_them_again(
    service: Contract, ganymede: Ganymede, tmp_path: Path
) -> None:
    holed, drafts = tmp_path / "holed.png", tmp_path / "drafts.webp"
    holed.write_bytes(HOLED)

    done = ganymede("complete", str(holed), "-m", "mended", "--seed", "3", "-n", "4", "-o", str(drafts))

    assert (done.exit_code, done.stderr) == (0, f"mended@2 seed 3 -> {drafts}\n")
    assert drafts.read_bytes() == DRAFTS
    assert service.seen[0].query == {"model": ["mended"], "seed": ["3"], "n": ["4"], "format": ["webp"]}


def test_what_is_refused_leaves_no_file(contract: Contract, ganymede: Ganymede, tmp_path: Path) -> None:
    contract.on("POST", "/complete", problem(422, "picture_invalid", "/picture: it is animated"))
    (tmp_path / "holed.png").write_bytes(HOLED)

    done = ganymede("complete", str(tmp_path / "holed.png"), "-o", str(tmp_path / "x.png"))
    missing = ganymede("complete", str(tmp_path / "nothing.png"), "-o", str(tmp_path / "x.png"))

    assert (done.exit_code, missing.exit_code) == (1, 1)
    assert "it is animated" in done.stderr
    assert "nothing.png" in missing.stderr
    assert not (tmp_path / "x.png").exists()
