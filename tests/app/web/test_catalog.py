"""What the page makes of models: scores beside each other, lineage, the commands that move an alias."""

import shlex
from typing import Any

import pytest

from tests.app.web.conftest import Call

BASE = "http://127.0.0.1:8000"
MOVE = {"model": "digits", "version": 2, "alias": "production", "reason": "it's sharp", "seen": 1}


def test_a_score_stands_beside_what_real_pictures_get(call: Call) -> None:
    scores = call("lib/catalog", "scoresOf", {"fd": 0.2, "fd_floor": 0.17, "recall": 0.8, "kid": None, "d_loss": 1.7})

    assert [(score["name"], score["value"], score["floor"]) for score in scores] == [
        ("FD", 0.2, 0.17),
        ("Recall", 0.8, None),
    ]


def test_a_version_that_needs_more_than_a_seed_or_a_key_is_shown_by_its_samples(call: Call) -> None:
    drawn = call("lib/catalog", "pictureOf", "m@3", "generation", {"seed": 1})
    undrawn = call("lib/catalog", "pictureOf", "m@3", "generation", {"seed": 1}, False)
    completed = call("lib/catalog", "pictureOf", "m@3", "completion", {"seed": 1})

    assert drawn == {"path": "generate", "query": {"model": "m@3", "seed": 1}}
    assert completed == undrawn == {"path": "models/m/versions/3/samples", "query": {}}


@pytest.mark.parametrize(
    ("before", "after", "tone"),
    [
        ({"fd": 2.0}, {"fd": 1.0}, "good"),
        ({"fd": 1.0}, {"fd": 2.0}, "bad"),
        ({"precision": 0.5}, {"precision": 0.6}, "good"),
        ({"precision": 0.5}, {"precision": 0.5}, "idle"),
        ({"kid": -0.001}, {"kid": -0.003}, "idle"),
        ({"fd": 1.0}, {}, "idle"),
        ({"fd": None}, {"fd": 1.0}, "idle"),
    ],
)
def test_a_difference_is_good_where_the_score_is_better(
    call: Call, before: dict[str, Any], after: dict[str, Any], tone: str
) -> None:
    assert [row["tone"] for row in call("lib/catalog", "differences", before, after)] == [tone]


def test_a_lineage_goes_from_the_dataset_to_the_aliases(call: Call) -> None:
    version = {"model": "m", "version": 3, "step": 1200, "run": "run_abcdef", "recipe": "gan", "dataset": {"name": "d"}}

    lineage = call("lib/catalog", "lineageOf", version, {"latest": 3, "production": 3, "canary": 3, "old": 1})

    assert [link["text"] for link in lineage] == [
        "d",
        "gan abcdef",
        "step 1,200",
        "m@3",
        "production, canary, latest",
    ]
    assert [link["path"] for link in lineage[:3]] == [["data", "d"], ["runs", "run_abcdef"], None]


@pytest.mark.parametrize(
    ("aliases", "alias", "current"),
    [
        ({"production": 1, "latest": 2}, "production", 1),
        ({"latest": 2}, "production", 2),
        ({"canary": 1, "latest": 2}, "canary", 1),
    ],
)
def test_what_is_drawn_with_now_is_the_alias_or_what_the_name_means(
    call: Call, aliases: dict[str, int], alias: str, current: int
) -> None:
    assert call("lib/catalog", "currentOf", {"aliases": aliases, "newest_version": 2}, alias) == current


def test_promoting_is_told_as_commands_with_its_condition(call: Call) -> None:
    curl, command, python = (told["text"] for told in call("lib/catalog", "promoteCommands", BASE, MOVE))

    words = shlex.split(curl)
    assert words[:3] == ["curl", "--json", '{"version":2,"reason":"it\'s sharp"}']
    assert words[words.index("-H") + 1] == 'If-Match: "1"'
    assert words[-1] == f"{BASE}/models/digits/aliases/production"
    assert shlex.split(command) == ["ganymede", "models", "promote", "digits", "2", "--reason", "it's sharp"]
    assert 'client.models.promote("digits", 2, reason="it\'s sharp", expected=1)' in python


def test_an_alias_that_is_new_is_made_only_where_there_is_none(call: Call) -> None:
    move = {key: value for key, value in MOVE.items() if key != "seen"} | {"alias": "canary", "reason": ""}

    curl, command, python = (told["text"] for told in call("lib/catalog", "promoteCommands", BASE, move))

    assert "'If-None-Match: *'" in curl
    assert command == "ganymede models promote digits 2 --alias canary"
    assert 'client.models.promote("digits", 2, "canary")' in python
