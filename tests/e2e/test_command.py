"""The command on a whole service: a training watched to its end, also through the death of the API."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import SMALL, Service
from tests.fixtures import until
from tests.processes import on_linux

pytestmark = pytest.mark.slow

GANYMEDE = [sys.executable, "-c", "from ganymede.cli import app; app()"]


def ganymede(service: Service, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [*GANYMEDE, *words, "--url", str(service.port)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def test_a_training_is_watched_until_its_model_can_be_drawn(service: Service, tmp_path: Path) -> None:
    small = [word for key, value in {**SMALL, "extractor": "none"}.items() for word in ("--set", f"{key}={value}")]

    trained = ganymede(
        service, "train", "cgan", "mnist-10k", "-m", "typed", "--steps", "40", "--publish-every", "20", *small
    )
    run_id = trained.stdout.strip()
    shown = ganymede(service, "runs", "show", run_id[-8:], "--json")
    drawn = ganymede(service, "generate", "-m", "typed", "-o", str(tmp_path / "typed.png"))

    assert trained.returncode == 0, trained.stderr
    assert "published typed@1" in trained.stderr
    assert f"{run_id} succeeded after 40 steps; published typed@1, typed@2" in trained.stderr
    assert json.loads(shown.stdout)["id"] == run_id
    assert drawn.returncode == 0, drawn.stderr
    assert (tmp_path / "typed.png").read_bytes().startswith(b"\x89PNG")


@on_linux
def test_no_event_is_missed_or_told_twice_when_the_api_dies_on_the_way(service: Service, tmp_path: Path) -> None:
    run_id = service.train(steps=200, model="followed", publish={"every_steps": 50}, checkpoint_every=20)
    said = tmp_path / "events"
    with said.open("wb") as file:
        command = [*GANYMEDE, "runs", "watch", run_id, "--json", "--url", str(service.port)]
        watching = subprocess.Popen(command, stdout=file)
    service.reaches(run_id, 50)
    os.kill(service.child("app"), signal.SIGKILL)
    until(service.is_ready, 300, "the API is back")

    ended = watching.wait(300)

    told = [json.loads(line) for line in said.read_text().splitlines()]
    assert ended == 0
    assert [event["id"] for event in told] == list(range(1, len(told) + 1))
    assert told[-1]["type"] == "end"
