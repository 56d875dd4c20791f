"""The pure functions of Complete: what a brush and a box paint, what is sent of it, and the same as commands."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.app.web.conftest import Call

PAINTED = """
async ({ side, shapes }) => {
  const { box, noHole, shareOf, stroke } = await import("/lib/hole.js");
  let hole = noHole(side);
  for (const [kind, ...args] of shapes) hole = (kind === "box" ? box : stroke)(hole, ...args);
  const letters = Array.from(hole.painted, (is) => ".#"[is]).join("");
  const rows = Array.from({ length: side }, (_, y) => letters.slice(side * y, side * (y + 1)));
  return { rows, share: shareOf(hole) };
}
"""
SENT = """
async ({ rgba, painted }) => {
  const { greyed, holed, transparent } = await import("/lib/hole.js");
  const pixels = Uint8ClampedArray.from(rgba);
  const hole = { side: 2, painted: Uint8Array.from(painted) };
  return { holed: [...holed(pixels, hole)], found: [...transparent(pixels, 2).painted], grey: [...greyed(pixels)] };
}
"""


def painted(page: Page, side: int, *shapes: list[Any]) -> list[str]:
    found: list[str] = page.evaluate(PAINTED, {"side": side, "shapes": list(shapes)})["rows"]
    return found


def at(x: float, y: float) -> dict[str, float]:
    return {"x": x, "y": y}


def test_a_box_has_the_pixels_of_both_corners_whichever_way_it_is_drawn(page: Page) -> None:
    there, back = ["box", at(1.2, 0.9), at(2.8, 2.1)], ["box", at(2.8, 2.1), at(1.2, 0.9)]

    assert painted(page, 4, there) == [".##.", ".##.", ".##.", "...."]
    assert painted(page, 4, back) == painted(page, 4, there)
    assert painted(page, 4, ["box", at(-5, -5), at(1.5, 9)]) == ["##.."] * 4


def test_a_stroke_has_the_pixels_whose_middle_is_near_its_line(page: Page) -> None:
    assert painted(page, 5, ["stroke", at(2.5, 2.5), at(2.5, 2.5), 1]) == [".....", "..#..", ".###.", "..#..", "....."]
    assert painted(page, 5, ["stroke", at(0.5, 1.5), at(3.5, 1.5), 0.5])[:3] == [".....", "####.", "....."]
    assert painted(page, 3, ["stroke", at(9, 9), at(9, 9), 1]) == ["..."] * 3


def test_the_eraser_takes_away_and_what_it_did_not_touch_stays(page: Page) -> None:
    whole, erased = ["box", at(0, 0), at(3, 3)], ["stroke", at(1.5, 1.5), at(1.5, 1.5), 0.5, 0]

    assert painted(page, 4, whole, erased) == ["####", "#.##", "####", "####"]
    assert page.evaluate(PAINTED, {"side": 4, "shapes": [whole, erased]})["share"] == 15 / 16


def test_what_is_sent_has_nothing_in_the_hole_and_is_opaque_elsewhere(page: Page) -> None:
    rgba = [10, 20, 30, 255, 1, 2, 3, 255, 4, 5, 6, 128, 100, 100, 100, 255]

    sent = page.evaluate(SENT, {"rgba": rgba, "painted": [0, 1, 0, 1]})

    assert sent["holed"] == [10, 20, 30, 255, 0, 0, 0, 0, 4, 5, 6, 255, 0, 0, 0, 0]
    assert sent["found"] == [0, 0, 1, 0]
    assert sent["grey"] == [18, 18, 18, 255, 2, 2, 2, 255, 5, 5, 5, 128, 100, 100, 100, 255]


def test_models_that_learnt_to_complete_come_apart_from_those_that_draw(call: Call) -> None:
    models = {
        "spoken": {"task": "generation", "medium": "audio"},
        "digits": {"task": "generation", "medium": "image"},
        "mended": {"task": "completion", "medium": "image"},
        "told": {"task": "classification", "medium": "image"},
        "older": {},
    }

    assert call("lib/completing", "completers", models) == {"trained": ["mended"], "searched": ["digits", "older"]}


@pytest.mark.parametrize(
    ("is_searched", "asked"),
    [
        (False, {"model": "m@2", "seed": 7, "n": 4, "label": None}),
        (True, {"model": "m@2", "seed": 7, "n": 4, "label": None, "method": "search", "steps": 100}),
    ],
)
def test_four_drafts_are_asked_for_and_a_search_is_said_so(
    call: Call, is_searched: bool, asked: dict[str, Any]
) -> None:
    wish = {"model": "m@2", "seed": 7, "label": "", "truncation": 1}

    assert call("lib/completing", "completeQuery", wish, is_searched) == asked


def test_what_fills_the_hole_is_told_as_commands(call: Call) -> None:
    query = {"model": "m", "method": "search", "steps": 100, "seed": 7, "n": 4, "label": "a b"}

    curl, command, python = call("lib/completing", "completeCommands", "http://127.0.0.1:8000", query, "holed.png")

    asked = "model=m&method=search&steps=100&seed=7&n=4&label=a+b"
    address = f"'http://127.0.0.1:8000/complete?{asked}'"
    assert curl["text"] == f"curl -H 'Content-Type: image/png' --data-binary @holed.png {address} -o drafts.png"
    words = "--model m --method search --steps 100 --seed 7 -n 4 --label 'a b' --output drafts.png"
    assert command["text"] == f"ganymede complete holed.png {words}"
    how = 'model="m", method="search", steps=100, seed=7, n=4, label="a b"'
    assert f'client.complete("holed.png", {how}).save("drafts.png")' in python["text"]


def test_a_search_is_over_when_its_last_draft_is(call: Call) -> None:
    first = {"draft": 0, "drafts": 4, "step": 0, "steps": 99}
    last = {"draft": 3, "drafts": 4, "step": 99, "steps": 99}

    assert call("lib/completing", "shareDone", first) == pytest.approx(1 / 400)
    assert call("lib/completing", "shareDone", last) == 1
