"""The pure functions of the studio: noise as the service draws it, what lies between seeds, the frames of a morph."""

import io
import zipfile

import numpy as np
import pytest
from playwright.sync_api import Page

from app.generate.formats import add_file
from app.generate.morph import MorphBody
from app.generate.parameters import GenerateBody
from models.noise import draw_noise
from tests.app.web.conftest import Call


@pytest.mark.parametrize(("seed", "size"), [(0, 1), (7, 128), (2**31, 3), (2**32 - 1, 700)])
def test_the_noise_of_a_seed_is_the_one_that_the_service_draws(call: Call, seed: int, size: int) -> None:
    found = call("lib/noise", "noiseOf", seed, size)

    assert np.array(found, np.float32) == pytest.approx(draw_noise([seed], size)[0], rel=1e-6)


def test_noise_between_seeds_is_as_long_as_noise_is(call: Call) -> None:
    rows = draw_noise(range(4), 512)

    for weights in ([1, 0, 0, 0], [0.25] * 4, [0.7, 0.1, 0.1, 0.1]):
        assert np.std(call("lib/noise", "mixed", rows.tolist(), weights)) == pytest.approx(1, abs=0.1)


def test_a_place_on_the_map_is_a_seed_or_the_noise_between_its_neighbours(call: Call) -> None:
    wish = {"model": "digits", "seed": 2**32 - 1, "truncation": 0.5}

    on = call("lib/lattice", "bodyAt", wish, {"x": 1, "y": 2}, 8, "3")
    between = call("lib/lattice", "bodyAt", wish, {"x": 1, "y": 0.5}, 8, None)

    assert on == {"model": "digits", "label": "3", "truncation": 0.5, "format": "png", "seed": 200}
    above, below = draw_noise([0, 100], 8)
    assert between["z"][0] == pytest.approx((above + below) / np.sqrt(2), abs=1e-4)
    for body in (on, between):
        GenerateBody.model_validate(body)


@pytest.mark.parametrize(
    ("x", "y", "place"), [("9", "-1", (5, 0)), ("1.236", "", (1.24, 2.5)), ("no", None, (2.5, 2.5))]
)
def test_a_place_that_an_address_names_is_on_the_map(
    call: Call, x: str, y: str | None, place: tuple[float, ...]
) -> None:
    found = call("lib/lattice", "placeOf", {"x": x, "y": y} if y is not None else {"x": x})

    assert (found["x"], found["y"]) == place


@pytest.mark.parametrize(
    ("query", "keys", "frames"),
    [
        ({}, [5, 6], 12),
        ({"keys": "4294967295"}, [2**32 - 1, 0], 12),
        ({"keys": "1,x,-3,9,4294967296,2.5"}, [1, 9], 12),
        ({"keys": "1,2,3", "frames": "99"}, [1, 2, 3], 31),
        ({"keys": "1,2,3", "frames": "99", "loop": "1"}, [1, 2, 3], 21),
    ],
)
def test_a_way_has_two_keys_at_least_and_no_more_frames_than_an_answer(
    call: Call, query: dict[str, str], keys: list[int], frames: int
) -> None:
    way = call("lib/morph", "wayOf", query, 5)

    assert (way["keys"], way["frames"]) == (keys, frames)
    assert call("lib/morph", "lengthOf", way) <= 64
    MorphBody.model_validate(call("lib/morph", "morphBody", {"model": "m", "label": "", "truncation": 1}, way))


def test_frames_are_found_in_a_zip_as_the_service_writes_it(page: Page) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in (("0000.png", b"first"), ("0001.png", b""), ("manifest.json", b"{}")):
            add_file(archive, name, content)

    code = """async (bytes) => (await import('/lib/morph.js')).storedFiles(new Uint8Array(bytes))
        .map(({name, content}) => [name, new TextDecoder().decode(content)])"""
    found = page.evaluate(code, list(buffer.getvalue()))

    assert found == [["0000.png", "first"], ["0001.png", ""], ["manifest.json", "{}"]]
