"""`ganymede train` and `runs watch`: what is told while a run trains, how it ends, and what Ctrl-C does."""

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ganymede.client import follow
from ganymede.commands import watch
from tests.ganymede.conftest import GANYMEDE, Ganymede, environment
from tests.ganymede.contract import RUN, Answer, Contract, Request, event, problem, run_body, sse, status, stream

NOW = {"step": 3, "total": 10, "fraction": 0.3, "images_seen": 48, "images_per_second": 1234.5, "eta_at": None}
PUBLISHED = [{"model": "mine", "version": 2, "step": 10, "at": ""}]
FAILURE = {"code": "diverged", "message": "a loss is no number", "retryable": True}


def scripted(contract: Contract, ends: str, **more: Any) -> None:
    """A run that publishes a version and ends."""
    told = [
        status(1, "running"),
        {**NOW, "metrics": {"g_loss": 0.5}},
        event(2, "published", model="mine", version=2),
        event(3, "diagnosis", summary="the\x1b[2J discriminator wins"),
        event(4, "metrics", g_loss=1),
        event(5, "end"),
    ]
    contract.on("POST", "/train", Answer(run_body(status="queued"), 202))
    contract.on("GET", f"/train/{RUN}/events", stream(*told))
    contract.on("GET", f"/train/{RUN}", Answer(run_body(status=ends, step=10, **more)))


def test_a_training_is_watched_to_its_success(contract: Contract, ganymede: Ganymede) -> None:
    scripted(contract, "succeeded", published=PUBLISHED)

    done = ganymede("train", "cgan", "shapes", "-m", "mine")

    assert (done.exit_code, done.stdout) == (0, f"{RUN}\n")
    told = done.stderr.splitlines()
    assert told[0].endswith(" running")
    assert told[1] == "step 3/10 (30%)  1,234 images/s  g_loss 0.5"
    assert told[2].endswith(" published mine@2")
    assert told[3].endswith(" diagnosis: the [2J discriminator wins")
    assert told[4] == f"{RUN} succeeded after 10 steps; published mine@2"
    assert told[5] == "  draw from it:  ganymede generate -m mine -o mine.png"
    assert len(told) == 6


def test_a_training_that_ended_early_says_why(contract: Contract, ganymede: Ganymede) -> None:
    early = {"verdict": "mode_collapse", "message": "it came \x1b[2Jback", "step": 7}
    scripted(contract, "succeeded", published=PUBLISHED, ended_early=early)

    done = ganymede("runs", "watch", RUN)

    assert done.exit_code == 0
    assert "  of 10: it came  [2Jback" in done.stderr.splitlines()


def test_what_a_run_does_before_its_first_step_is_told(contract: Contract, ganymede: Ganymede) -> None:
    task = {"name": "real_features", "done": 1, "total": 4, "fraction": 0.25, "eta_at": "2999-01-01T00:00:00Z"}
    told = {**NOW, "step": 0, "phase": "preparing", "metrics": {}, "task": task}
    contract.on("GET", f"/train/{RUN}/events", stream(told, event(1, "end")))
    contract.on("GET", f"/train/{RUN}", Answer(run_body(status="canceled")))

    lines = ganymede("runs", "watch", RUN).stderr.splitlines()

    assert lines[0].startswith("real features 25%  ")
    assert lines[0].endswith(" left")


@pytest.mark.parametrize("ends", ["failed", "canceled"])
def test_a_run_that_does_not_succeed_is_no_success(contract: Contract, ganymede: Ganymede, ends: str) -> None:
    scripted(contract, ends, failure=FAILURE if ends == "failed" else None)

    done = ganymede("runs", "watch", RUN)

    assert (done.exit_code, done.stdout) == (1, "")
    assert f"{RUN} is {ends} at step 10 of 10" in done.stderr
    assert ("diverged: a loss is no number" in done.stderr) == (ends == "failed")
    assert f"ganymede runs retry {RUN}" in done.stderr


def test_a_verdict_is_told_with_what_to_change(contract: Contract, ganymede: Ganymede) -> None:
    advice = [{"text": "config.generator_lr=0.0001: half", "field": "config.generator_lr", "value": 1e-4}]
    told = event(1, "diagnosis", verdict="exploding", summary="gradients grow", numbers={}, advice=advice)
    contract.on("GET", f"/train/{RUN}/events", stream(told, event(2, "end")))
    contract.on("GET", f"/train/{RUN}", Answer(run_body(status="canceled")))

    lines = ganymede("runs", "watch", RUN).stderr.splitlines()

    assert lines[0].endswith(" diagnosis exploding: gradients grow")
    assert lines[1] == "  config.generator_lr=0.0001: half"


def test_what_to_act_on_is_sent_as_it_is_named(contract: Contract, ganymede: Ganymede) -> None:
    scripted(contract, "succeeded")

    ganymede("train", "cgan", "shapes", "--stop-on", "exploding", "--stop-on", "stalled", "--stop-action", "stop", "-d")

    ganymede("train", "cgan", "shapes", "--patience", "3", "-d")

    assert contract.seen[0].json["stop"] == {"on": ["exploding", "stalled"], "action": "stop"}
    assert contract.seen[1].json["stop"] == {"patience": 3}


def test_detached_is_not_watched(contract: Contract, ganymede: Ganymede) -> None:
    scripted(contract, "succeeded")

    done = ganymede("train", "cgan", "shapes", "-d")
    quiet = ganymede("train", "cgan", "shapes", "-d", "-q")

    assert (done.exit_code, done.stdout) == (0, f"{RUN} queued\n")
    assert f"ganymede runs watch {RUN}" in done.stderr
    assert (quiet.stdout, quiet.stderr) == (f"{RUN}\n", "")
    assert {request.method for request in contract.seen} == {"POST"}


def test_json_is_the_run_as_it_ended_or_each_event(contract: Contract, ganymede: Ganymede) -> None:
    scripted(contract, "succeeded", published=PUBLISHED)
    trained = ganymede("train", "cgan", "shapes", "--json")
    scripted(contract, "succeeded", published=PUBLISHED)
    watched = ganymede("runs", "watch", RUN, "--json", "-q")

    assert json.loads(trained.stdout)["status"] == "succeeded"
    assert [json.loads(line)["id"] for line in watched.stdout.splitlines()] == [1, 2, 3, 4, 5]
    assert watched.stderr == ""


def test_values_are_json_where_they_are_and_text_where_they_are_not(contract: Contract, ganymede: Ganymede) -> None:
    scripted(contract, "succeeded")
    values = ("a=1e-4", "b=auto", "c=true", "d=", "e=[1,2]", "f=NaN", "g=1e999", "h=x=y", 'i="7"', "a=3")

    settings = [word for text in values for word in ("--set", text)]
    ganymede("train", "cgan", "shapes", *settings, "--steps", "9", "--publish-every", "3", "--tag", "team=a=b", "-d")

    assert contract.seen[0].json == {
        "recipe": "cgan",
        "dataset": "shapes",
        "config": {
            **{"a": 3, "b": "auto", "c": True, "d": "", "e": [1, 2]},
            **{"f": "NaN", "g": "1e999", "h": "x=y", "i": "7", "steps": 9},
        },
        "publish": {"every_steps": 3},
        "tags": {"team": "a=b"},
    }


def test_a_broken_connection_is_told_and_made_again(
    contract: Contract, ganymede: Ganymede, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "FIRST_PAUSE_S", 0.01)
    scripted(contract, "succeeded", published=PUBLISHED)
    away, ends = problem(503, "not_ready", "draining"), stream(event(2, "end"))
    contract.on("GET", f"/train/{RUN}/events", stream(status(1, "running"), is_cut=True), away, ends)

    done = ganymede("runs", "watch", RUN)

    assert done.exit_code == 0
    assert done.stderr.count("; trying again") == 2


def endless(_request: Request) -> Answer:
    def chunks() -> Iterator[bytes]:
        yield sse(status(1, "running"))
        while True:
            yield sse({**NOW, "metrics": {}})
            time.sleep(0.1)

    return Answer(chunks(), headers={"Content-Type": "text/event-stream"})


def test_ctrl_c_leaves_the_run_alone_and_says_how_to_come_back(contract: Contract, tmp_path: Path) -> None:
    scripted(contract, "succeeded")
    contract.on("GET", f"/train/{RUN}/events", endless)
    said = tmp_path / "said"
    with said.open("wb") as file:
        process = subprocess.Popen(
            [*GANYMEDE, "train", "cgan", "shapes", "--url", contract.url], env=environment(), stderr=file, stdout=file
        )
        deadline = time.monotonic() + 300
        while b"step 3/10" not in said.read_bytes():
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        ended = process.wait(300)

    told = said.read_text()
    assert ended == 130
    assert f"no longer watching; {RUN} goes on" in told
    assert f"ganymede runs watch {RUN}" in told
    assert f"ganymede runs cancel {RUN}" in told
    assert "Traceback" not in told
    assert contract.asked(f"/train/{RUN}/cancel") == []


def in_a_terminal(*words: str, **variables: str) -> str:
    """What a command shows on a terminal, 100 columns wide."""
    ours, theirs = pty.openpty()
    around = {**environment(), "TERM": "xterm-256color", "COLUMNS": "100", **variables}
    process = subprocess.Popen([*GANYMEDE, *words], env=around, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 1 << 16):
            shown += chunk
    except OSError:  # Linux's way to say that the other end is closed
        pass
    os.close(ours)
    process.wait(300)
    return shown.decode()


def test_on_a_terminal_there_is_a_bar_and_colour_unless_unwanted(contract: Contract) -> None:
    scripted(contract, "succeeded", published=PUBLISHED)
    shown = in_a_terminal("runs", "watch", RUN, "--url", contract.url)
    scripted(contract, "succeeded", published=PUBLISHED)
    plain = in_a_terminal("runs", "watch", RUN, "--url", contract.url, NO_COLOR="1")

    assert "━" in shown
    assert "3/10" in shown
    assert "\x1b[32m" in shown  # green: succeeded
    assert "\x1b[32m" not in plain
    assert "succeeded after 10 steps" in plain
    assert "\x1b[2J" not in shown


def test_on_a_terminal_a_picture_is_not_written_to_it(contract: Contract) -> None:
    shown = in_a_terminal("generate", "-o", "-", "--url", contract.url)

    assert "name a file" in shown
    assert contract.seen == []


def test_the_time_left_is_told_in_hours_minutes_and_seconds() -> None:
    assert watch.remaining(None) is None
    assert watch.remaining("2020-01-01T00:00:00Z") == "0:00"
    assert watch.remaining("nonsense") is None
