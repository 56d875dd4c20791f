"""Log lines: for people, or one JSON object a line."""

import json
import logging
import subprocess
import sys

from core.log import JSONFormatter
from tests.core.conftest import ROOT

LOG_THREE_LINES = """
import logging, sys
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
"""


def logged(form: str) -> list[str]:
    command = [sys.executable, "-X", "utf8", "-c", LOG_THREE_LINES, form]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_json_lines_are_one_object_each_with_level_logger_and_traceback() -> None:
    lines = [json.loads(line) for line in logged("json")]

    assert [(line["level"], line["logger"], line["message"]) for line in lines] == [
        ("info", "core.test", "two\nlines and 5% ä"),
        ("error", "core.test", "it failed"),
    ]
    assert "traceback" not in lines[0]
    assert lines[1]["traceback"].endswith("KeyError: 'missing'")


def test_json_lines_say_when_it_happened() -> None:
    record = logging.LogRecord("core.test", logging.INFO, "", 0, "text", None, None)
    record.created = 1_700_000_000.25

    line = json.loads(JSONFormatter().format(record))

    assert line["at"] == "2023-11-14T22:13:20.250Z"


def test_lines_for_people_begin_with_time_and_level() -> None:
    lines = logged("human")

    assert lines[0][2] == ":"
    assert lines[0].endswith("INFO    core.test: two")
    assert lines[-1] == "KeyError: 'missing'"
