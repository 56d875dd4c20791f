"""Warnings of the training process as events of its run."""

import logging

import pytest

from core.runs import Run
from tests.worker.conftest import CreateRun
from worker.hooks.log_events import LONGEST, WarningsAsEvents


@pytest.fixture
def run(create_run: CreateRun) -> Run:
    return create_run()


def told(run: Run) -> list[dict[str, str]]:
    return [event.data for event in run.events() if event.type == "log"]


def test_warnings_and_errors_are_events_and_the_rest_is_not(run: Run) -> None:
    log = logging.Logger("test")
    log.addHandler(WarningsAsEvents(run))

    log.info("all is well")
    log.warning("checkpoint %s is damaged", "0-5")
    log.error("x" * 10_000)

    assert told(run) == [
        {"level": "warning", "message": "checkpoint 0-5 is damaged"},
        {"level": "error", "message": "x" * LONGEST},
    ]


def test_a_warning_about_a_run_that_is_gone_harms_nobody(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.Logger("test")
    log.addHandler(WarningsAsEvents(run))
    run.store.delete(run.key)

    log.warning("nobody hears this")

    assert not run.folder.exists()
    assert "there is no run" in capsys.readouterr().err
