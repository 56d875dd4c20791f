"""The pure functions of the page: addresses, events, what the studio asks for, words; and rules for modules."""

import ast
import re
import shlex
from typing import Any

import pytest

from app.http.page import FOLDER, files
from tests.app.web.conftest import Call

NOTHING = "\u2013"  # what stands where there is no number


@pytest.mark.parametrize(
    ("hash_", "path", "query"),
    [
        ("", [], {}),
        ("#/", [], {}),
        ("#/runs/run_1?x=time&smooth=0.9", ["runs", "run_1"], {"x": "time", "smooth": "0.9"}),
        ("#/studio?model=a%20b@1&label=%C3%BC%26", ["studio"], {"model": "a b@1", "label": "ü&"}),
        ("#/models/gr%C3%BC%C3%9Fe%2Fx", ["models", "grüße/x"], {}),
        ("#/runs?q=a?b", ["runs"], {"q": "a?b"}),
        ("#/100%", ["100%"], {}),
    ],
)
def test_a_hash_names_a_view(call: Call, hash_: str, path: list[str], query: dict[str, str]) -> None:
    assert call("lib/url", "parseView", hash_) == {"path": path, "query": query}


@pytest.mark.parametrize(("path", "query"), [([], {}), (["runs", "a/b ?#ü"], {"x": "1&2=3 #?", "y": "ü"})])
def test_a_view_is_found_again_by_the_hash_that_is_made_of_it(
    call: Call, path: list[str], query: dict[str, str]
) -> None:
    made = call("lib/url", "viewHash", path, query)

    assert call("lib/url", "parseView", made) == {"path": path, "query": query}


def test_what_says_nothing_is_left_out_of_a_query_and_a_list_is_repeated(call: Call) -> None:
    query = {"a": None, "b": "", "c": 0, "d": False, "e": ["x", "y", None]}

    assert call("lib/url", "queryString", query) == "c=0&d=false&e=x&e=y"


def test_the_first_route_that_fits_is_taken(call: Call) -> None:
    routes = [{"path": []}, {"path": ["runs", "new"]}, {"path": ["runs", ":id"]}]

    assert call("lib/url", "matchRoute", routes, ["runs", "new"])["route"] == routes[1]
    assert call("lib/url", "matchRoute", routes, ["runs", "run_1"])["params"] == {"id": "run_1"}
    assert call("lib/url", "matchRoute", routes, ["nowhere"]) is None


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_events_are_read_out_of_whatever_pieces_they_come_in(call: Call, end: str) -> None:
    text = end.join(
        [": ping", "", "event: progress", "id: 7", 'data: {"a":', "data: 1}", "", "data: ü", "", "event: half"]
    )

    for size in (1, 3, len(text)):
        rest = ""
        found: list[Any] = []
        for i in range(0, len(text), size):
            taken = call("lib/sse", "takeMessages", rest + text[i : i + size])
            rest, found = taken["rest"], found + taken["messages"]
        assert [(m["event"], m["id"], m["data"]) for m in found] == [
            ("progress", "7", '{"a":\n1}'),
            ("message", "", "ü"),
        ]
        assert rest == "event: half"


RUN = {
    "id": "run_1",
    "status": "running",
    "progress": {"step": 1},
    "latest": {"metrics": {"g_loss": 1}, "sample_step": None},
}
BEGUN = {"event": "snapshot", "data": {"runs": [RUN], "models": [{"name": "m", "newest_version": 1}]}, "at": 1}


def told(call: Call, *messages: dict[str, Any]) -> Any:
    """The state after these messages."""
    live: Any = {"runs": {}, "models": {}, "connection": "connecting", "heardAt": None, "unknown": [], "changes": 0}
    for message in messages:
        live = call("lib/live", "heard", live, message)
    return live


def test_progress_moves_a_run_and_keeps_the_numbers_that_it_does_not_tell(call: Call) -> None:
    news = {"run": "run_1", "step": 5, "total": 10, "status": "running", "phase": "training", "metrics": {"d_loss": 2}}

    run = told(call, BEGUN, {"event": "progress", "data": news, "at": 2})["runs"]["run_1"]

    assert (run["progress"]["step"], run["latest"]["metrics"]) == (5, {"g_loss": 1, "d_loss": 2})


@pytest.mark.parametrize("event", ["status", "published", "diagnosis", "action", "end"])
def test_a_run_that_changed_in_more_than_its_progress_is_asked_for_once(call: Call, event: str) -> None:
    message = {"event": event, "data": {"run": "run_1", "data": {}}, "at": 2}

    assert told(call, BEGUN, message, message)["unknown"] == ["run_1"]
    assert told(call, BEGUN, message, {"event": "body", "data": RUN, "at": 3})["unknown"] == []


def test_a_run_that_nobody_knew_is_asked_for(call: Call) -> None:
    for event, data in (("progress", {"step": 1}), ("sample", {"data": {"step": 1}}), ("status", {"data": {}})):
        assert told(call, BEGUN, {"event": event, "data": {"run": "run_2", **data}, "at": 2})["unknown"] == ["run_2"]


def test_what_is_deleted_is_gone_and_a_snapshot_begins_anew(call: Call) -> None:
    live = told(
        call,
        BEGUN,
        {"event": "deleted", "data": {"run": "run_1"}, "at": 2},
        {"event": "deleted", "data": {"model": "m"}},
    )

    assert (live["runs"], live["models"]) == ({}, {})
    assert list(told(call, BEGUN, {"event": "down"}, BEGUN)["runs"]) == ["run_1"]


def test_the_connection_is_told_and_when_the_service_was_heard_of(call: Call) -> None:
    assert told(call, {"event": "up", "at": 5})["connection"] == "live"
    lost = told(call, {"event": "up", "at": 5}, {"event": "down", "at": 9})
    assert (lost["connection"], lost["heardAt"]) == ("polling", 5)


@pytest.mark.parametrize(
    ("query", "seed", "truncation", "n"),
    [
        ({}, 0, 1, 16),
        ({"seed": "4294967295", "truncation": "0.5", "n": "64"}, 4294967295, 0.5, 64),
        ({"seed": "4294967296", "truncation": "2", "n": "65"}, 0, 1, 64),
        ({"seed": "-1", "truncation": "0", "n": "0"}, 0, 0.05, 1),
        ({"seed": "1.5", "truncation": "x", "n": "NaN"}, 0, 1, 16),
    ],
)
def test_an_address_that_asks_for_what_there_is_not_means_the_nearest(
    call: Call, query: dict[str, str], seed: int, truncation: float, n: int
) -> None:
    wish = call("lib/drawing", "wishOf", query)

    assert (wish["seed"], wish["truncation"], wish["n"]) == (seed, truncation, n)


def test_seeds_go_round(call: Call) -> None:
    assert call("lib/drawing", "besideSeed", 4294967295, 1) == 0
    assert call("lib/drawing", "besideSeed", 0, -1) == 4294967295


@pytest.mark.parametrize(
    ("recipe", "wish", "is_whole"),
    [
        ({"seed": 5, "label": 2, "truncation": 0.7, "scale": 3}, {"tab": "single", "seed": 5, "label": "c"}, True),
        ({"seed": 5, "label": None}, {"tab": "single", "seed": 5, "label": ""}, True),
        ({"seed": [5, 6, 7], "label": [1, 1, 1]}, {"tab": "grid", "seed": 5, "label": "b", "n": 3}, True),
        ({"seed": [4294967295, 0, 1], "label": [0, 0, 1]}, {"tab": "grid", "seed": 4294967295, "label": ""}, True),
        ({"seed": [5, 9], "label": [1, 1]}, {"tab": "grid", "seed": 5}, False),
        ({"seed": [3, 4], "label": [2, 0]}, {"tab": "grid", "seed": 3, "label": ""}, False),
        ({"z": [[1.0]], "label": 1}, {"tab": "single", "label": "b"}, False),
    ],
)
def test_a_recipe_becomes_what_the_studio_shows(
    call: Call, recipe: dict[str, Any], wish: dict[str, Any], is_whole: bool
) -> None:
    found = call("lib/drawing", "wishFrom", {"model": "m", "version": 2, **recipe}, ["a", "b", "c"])

    assert wish.items() <= found["wish"].items()
    assert (found["wish"]["model"], found["isWhole"]) == ("m@2", is_whole)


def test_a_file_name_has_no_letter_that_a_file_system_refuses(call: Call) -> None:
    wish = {"tab": "single", "seed": 1, "label": "a/b: ü?"}

    assert call("lib/drawing", "fileName", wish, "run:run_1@0-5", "png") == "run-run_1@0-5-seed-1-a-b-ü-.png"


@pytest.mark.parametrize("word", ["plain", "two words", "it's", "$HOME `x`", "a;b", "ü", ""])
def test_a_word_reaches_a_shell_as_it_is(call: Call, word: str) -> None:
    assert shlex.split(call("lib/commands", "quoted", word)) == [word]


def test_a_value_is_a_literal_of_python(call: Call) -> None:
    value = {"a": [1, 2.5, None, True, False], "b": {"c": 'it\'s "ü"\n'}}

    assert ast.literal_eval(call("lib/commands", "literal", value)) == value


@pytest.mark.parametrize(
    ("function", "value", "text"),
    [
        ("count", 1234567, "1,234,567"), ("count", None, NOTHING),
        ("measure", 0.0123456, "0.0123"), ("measure", 12.3456, "12.3"), ("measure", 1234.5, "1,235"),
        ("measure", 0, "0"), ("measure", None, NOTHING), ("measure", 1.23e-7, "1.2e-7"),
        ("percent", 0.999, "99 %"), ("bytes", 0, "0 B"), ("bytes", 1234, "1.2 kB"), ("bytes", 45_600_000, "46 MB"),
        ("duration", 59.4, "59 s"), ("duration", 61, "1 min"), ("duration", 3900, "1 h 5 min"),
        ("duration", 500_000, "6 d"),
        ("duration", None, NOTHING), ("shortId", "run_0192f1c7a4e1b2c3d4e5", "c3d4e5"), ("words", "g_loss", "g loss"),
        ("metricName", "best_fd", "Best FD"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_people_read_them(call: Call, function: str, value: Any, text: str) -> None:
    assert call("lib/format", function, value) == text


def test_the_history_keeps_each_picture_once_and_not_too_many(call: Call) -> None:
    wishes = [{"seed": seed} for seed in range(50)]
    kept: list[Any] = []
    for wish in [*wishes, wishes[30]]:
        kept = call("parts/history", "withNewest", kept, wish)

    assert len(kept) == 40
    assert (kept[0]["seed"], sum(one["seed"] == 30 for one in kept)) == (30, 1)


MODULES = [path for name, path in files().items() if name.endswith(".js") and not name.startswith("vendor/")]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_says_what_it_is_is_short_and_asks_through_the_one_door(path: Any) -> None:
    text = path.read_text(encoding="utf-8")

    assert text.startswith("// ")
    assert len(text.splitlines()) <= 300
    is_door = path.relative_to(FOLDER).as_posix() == "lib/api.js"
    assert bool(re.search(r"\bfetch\(|XMLHttpRequest|EventSource|WebSocket|sendBeacon", text)) is is_door


def test_no_module_names_another_host() -> None:
    named = {
        found for path in MODULES for found in re.findall(r"https?://[^\s\"'`)]+", path.read_text(encoding="utf-8"))
    }

    assert named == {"http://127.0.0.1:8000"}
