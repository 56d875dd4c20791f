"""Log lines: for people, or one JSON object a line; each with the ids of what it is about, none broken by its text."""

import json
import logging
import subprocess
import sys
import threading

import pytest

from core.log import REQUEST_ID, HumanFormatter, JSONFormatter, about_run, add_ids
from tests.core.conftest import ROOT

RUN_ID = "run_0192f1c7a4e1b2c3d4e5"
HOSTILE = "a\r\n12:00:00 INFO    core: forged\x1b[2J\x00\x7f\x85\u2028\u2029\ud800 end"

LOG_SOME_LINES = """
import logging, sys, warnings
from core.log import configure_logging
logging.basicConfig(level=logging.ERROR)  # what a library did before us
configure_logging(sys.argv[1])
log = logging.getLogger("core.test")
log.debug("not shown")
log.info("two\\nlines and %d%% ä", 5)
try:
    {}["missing"]
except KeyError:
    log.exception("it failed")
warnings.warn("soon gone")
"""


def logged(form: str) -> list[str]:
    command = [sys.executable, "-X", "utf8", "-c", LOG_SOME_LINES, form]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == ""
    return done.stderr.split("\n")[:-1]


def formatted(formatter: logging.Formatter, text: str, fields: dict[str, object] | None = None) -> str:
    record = logging.LogRecord("core.test", logging.INFO, "", 0, "%s", (text,), None)
    record.created = 1_700_000_000.25
    record.fields = fields or {}
    add_ids(record)
    return formatter.format(record)


def test_json_lines_are_one_object_each_with_level_logger_and_traceback() -> None:
    lines = [json.loads(line) for line in logged("json")]

    assert [(line["level"], line["logger"], line["message"]) for line in lines[:2]] == [
        ("info", "core.test", "two\nlines and 5% ä"),
        ("error", "core.test", "it failed"),
    ]
    assert "traceback" not in lines[0]
    assert lines[1]["traceback"].endswith("KeyError: 'missing'")


@pytest.mark.parametrize("form", ["json", "human"])
def test_warnings_of_libraries_are_lines_like_all_others(form: str) -> None:
    last = logged(form)[-1]

    assert "py.warnings" in last
    assert "soon gone" in last


def test_json_lines_say_when_it_happened() -> None:
    line = json.loads(formatted(JSONFormatter(), "text"))

    assert line["at"] == "2023-11-14T22:13:20.250Z"


def test_lines_for_people_begin_with_time_and_level() -> None:
    lines = logged("human")

    assert lines[0][4] == lines[0][7] == "-"
    assert lines[0].endswith("INFO    core.test: two\\nlines and 5% ä")
    assert "    KeyError: 'missing'" in lines
    assert all(line.startswith(("20", "    ")) for line in lines)


def test_a_line_names_the_request_and_the_run_it_is_about() -> None:
    token = REQUEST_ID.set("abc")
    with about_run(RUN_ID):
        as_json, for_people = json.loads(formatted(JSONFormatter(), "text")), formatted(HumanFormatter(), "text")
        in_its_own_log = formatted(HumanFormatter(with_run=False), "text")
    REQUEST_ID.reset(token)

    assert (as_json["request_id"], as_json["run"]) == ("abc", RUN_ID)
    assert for_people.endswith(f"text [request_id=abc run={RUN_ID}]")
    assert in_its_own_log.endswith("text [request_id=abc]")


def test_a_line_about_nothing_in_particular_has_no_ids() -> None:
    with about_run(RUN_ID):
        pass

    assert formatted(HumanFormatter(), "text").endswith("text")
    assert not {"request_id", "run"} & json.loads(formatted(JSONFormatter(), "text")).keys()


def test_another_thread_has_ids_of_its_own() -> None:
    seen: list[str] = []
    with about_run(RUN_ID):
        thread = threading.Thread(target=lambda: seen.append(formatted(HumanFormatter(), "text")))
        thread.start()
        thread.join()

    assert RUN_ID not in seen[0]


def test_fields_of_a_line_are_fields_of_its_object() -> None:
    line = json.loads(formatted(JSONFormatter(), "text", {"status": 200, "ms": 1.5}))

    assert (line["status"], line["ms"], line["message"]) == (200, 1.5, "text")


@pytest.mark.parametrize("formatter", [JSONFormatter(), HumanFormatter()])
def test_text_from_outside_cannot_end_a_line_or_move_a_cursor(formatter: logging.Formatter) -> None:
    line = formatted(formatter, HOSTILE)

    assert line.splitlines() == [line]
    assert line.isprintable()
    line.encode()  # no half of a surrogate pair is left


def test_json_keeps_hostile_text_as_it_was() -> None:
    line = json.loads(formatted(JSONFormatter(), HOSTILE))

    assert line["message"] == HOSTILE


def test_text_in_a_traceback_cannot_look_like_a_line() -> None:
    record = logging.LogRecord("core.test", logging.ERROR, "", 0, "it failed", (), None)
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        record.exc_info = sys.exc_info()

    lines = HumanFormatter().format(record).splitlines()

    assert all(line.startswith("    ") for line in lines[1:])
