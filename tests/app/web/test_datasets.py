"""What the page makes of datasets: names of uploads, balance of classes, plans, commands."""

import shlex
from typing import Any

import pytest

from tests.app.web.conftest import Call

BASE = "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("Some Shapes.zip", "some-shapes"),
        ("mnist.tar.gz", "mnist"),
        ("train-images.npz", "train-images"),
        ("(1) Bilder.ZIP", "1-bilder"),
        ("\u7d75.zip", ""),
        ("a" * 80 + ".zip", "a" * 64),
    ],
)
def test_a_name_is_made_of_that_of_a_file(call: Call, file: str, name: str) -> None:
    assert call("lib/datasets", "nameFrom", file) == name


def test_what_was_not_typed_is_not_sent_and_the_name_comes_first(call: Call) -> None:
    typed = {"licence": " CC0-1.0 ", "size": "", "name": "shapes", "crop": "none"}

    assert call("lib/datasets", "partsOf", typed) == [["name", "shapes"], ["crop", "none"], ["licence", "CC0-1.0"]]


def test_bars_are_shares_of_the_largest_class_and_the_largest_are_shown(call: Call) -> None:
    all_of_them = call("lib/datasets", "balanceOf", ["a", "b", "c"], [1, 4, 2], 3)
    largest = call("lib/datasets", "balanceOf", ["a", "b", "c"], [1, 4, 2], 2)

    assert [(bar["name"], bar["share"]) for bar in all_of_them["bars"]] == [("a", 0.25), ("b", 1), ("c", 0.5)]
    assert ([bar["name"] for bar in largest["bars"]], largest["hidden"]) == (["b", "c"], 1)


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ([10, 12], "evenly filled"),
        ([10, 35], "the largest has 3.5 times as many as the smallest"),
        ([1, 0, 40], "the largest has 40 times as many as the smallest"),
        ([7], ""),
        ([], ""),
    ],
)
def test_how_even_the_classes_are_is_told_in_words(call: Call, counts: list[int], told: str) -> None:
    assert call("lib/datasets", "evenness", counts) == told


def test_a_plan_tells_what_auto_would_do(call: Call) -> None:
    resolved: dict[str, Any] = {"steps": 20000, "batch_size": 1, "conditional": False, "augment": "ada"}
    resolved |= {"augment_policy": ["colour"], "generator_lr": 0.0004, "discriminator_lr": 0.0008}

    lines = dict(
        call("lib/datasets", "planLines", {"resolved": resolved, "parameters": {"generator": 1000, "discriminator": 1}})
    )

    assert (lines["Steps"], lines["Batch"], lines["Parameters"]) == ("20,000", "1 picture", "1,001")
    assert (lines["Augmentation"], lines["Classes"]) == ("ada (colour)", "not told apart")


def test_a_dataset_of_sounds_is_told_in_sounds(call: Call) -> None:
    pictures = {"count": 2, "width": 28, "height": 28, "channels": 1, "audio": None}
    sounds = {**pictures, "count": 1, "audio": {"seconds": 2}}

    told = [[call("lib/datasets", words, one) for words in ("countWords", "sizeWords")] for one in (pictures, sounds)]

    assert told == [["2 pictures", "28 \N{MULTIPLICATION SIGN} 28 px, grey"], ["1 sound", "2 s each"]]


def test_an_upload_is_told_as_commands(call: Call) -> None:
    parts = [["name", "shapes"], ["size", "32"], ["licence", "@mine"]]

    curl, command, python = (told["text"] for told in call("lib/datasets", "importCommands", BASE, parts, ["a b.zip"]))

    assert shlex.split(curl) == [
        *("curl", "--form-string", "name=shapes", "--form-string", "size=32", "--form-string", "licence=@mine"),
        *("-F", "file=@a b.zip", f"{BASE}/datasets"),
    ]
    assert shlex.split(command) == [
        *("ganymede", "datasets", "import", "shapes", "a b.zip", "--size", "32", "--licence", "@mine"),
    ]
    assert 'client.datasets.add("shapes", "a b.zip", size=32, licence="@mine")' in python
