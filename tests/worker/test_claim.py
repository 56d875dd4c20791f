"""A job whose run is over, gone or at another attempt is dropped by the worker, before any process is started."""

import pytest

from core.runs import RunStore
from ganymede.schemas.states import Status
from tests.worker.conftest import CreateRun, TrainHere
from worker.rq_worker import claim


@pytest.fixture
def runs(create_run: CreateRun) -> RunStore:
    return RunStore(create_run().store)


def test_a_claimed_run_is_running_before_its_process_is_there(create_run: CreateRun, runs: RunStore) -> None:
    run = create_run()

    assert claim(runs, run.id, 1)

    state = run.state()
    assert (state.status, state.phase, state.started_at is not None) == (Status.RUNNING, "preparing", True)


def test_a_claimed_run_is_trained_by_the_process_that_comes(
    create_run: CreateRun, runs: RunStore, train_here: TrainHere
) -> None:
    run = create_run(steps=2)
    claim(runs, run.id, 1)

    assert train_here(run) == "succeeded"

    statuses = [event.data["status"] for event in run.events() if event.type == "status"]
    assert statuses == ["queued", "running", "succeeded"]


@pytest.mark.parametrize("asked", ["canceled", "paused"])
def test_a_run_that_was_stopped_before_is_not_claimed(create_run: CreateRun, runs: RunStore, asked: str) -> None:
    run = create_run()
    run.move(Status(asked))

    assert not claim(runs, run.id, 1)

    assert run.state().status == asked


def test_a_run_that_was_paused_and_resumed_waits_for_its_next_job(create_run: CreateRun, runs: RunStore) -> None:
    run = create_run()
    run.change(lambda now: now.asked("pause"))
    run.change(lambda now: now.asked("resume"))

    assert not claim(runs, run.id, 1)
    waited = run.state().status
    assert claim(runs, run.id, 2)

    assert (waited, run.state().status) == (Status.QUEUED, Status.RUNNING)


def test_a_run_that_is_gone_is_not_claimed_and_that_is_no_error(
    create_run: CreateRun, runs: RunStore, train_here: TrainHere
) -> None:
    run = create_run()
    run.move(Status.CANCELED)
    run.delete()

    assert not claim(runs, run.id, 1)
    assert train_here(run).startswith("not started")


@pytest.mark.parametrize(("verb", "settled"), [("cancel", "canceled"), ("pause", "paused")])
def test_what_was_asked_between_the_claim_and_the_process_is_done_at_once(
    create_run: CreateRun, runs: RunStore, train_here: TrainHere, verb: str, settled: str
) -> None:
    run = create_run()
    claim(runs, run.id, 1)
    run.change(lambda now: now.asked(verb))

    ended = train_here(run)

    assert ended == f"not started: {settled}"
    assert (run.state().status, run.state().phase) == (settled, None)
    assert not run.log_file.exists()


def test_a_run_that_another_process_trains_is_left_to_the_new_process_to_find_out(
    create_run: CreateRun, runs: RunStore
) -> None:
    run = create_run()

    with run.training_lock():
        assert claim(runs, run.id, 1)

    assert run.state().status is Status.QUEUED


def test_a_damaged_run_ends_neither_the_worker_nor_the_job_with_a_traceback(
    create_run: CreateRun, runs: RunStore, train_here: TrainHere, caplog: pytest.LogCaptureFixture
) -> None:
    run = create_run()
    run.state_file.write_text("no JSON")

    assert claim(runs, run.id, 1)
    assert train_here(run).startswith("not started")

    assert "Traceback" not in caplog.text
    assert "state.json" in caplog.text
