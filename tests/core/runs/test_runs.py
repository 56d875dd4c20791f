"""Runs on disk: put whole, changed under a lock, deleted under the hands of others."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.errors import IllegalTransition, RunNotFound, StoreDamaged
from core.runs import Run, RunStore, is_run_id, new_run_id
from core.runs.states import RunState
from core.store import Store, files
from ganymede.schemas.specs import RunPatch, RunSpec
from ganymede.schemas.states import Failure, Status
from tests.core.conftest import Start
from tests.fixtures import NewRun, until
from tests.manifests import dataset_manifest
from tests.records import numbers

END_ALL = """
    import pathlib, sys
    from core.errors import IllegalTransition
    from core.runs import RunStore
    from core.runs.states import Status
    from core.store import Store

    runs, won = RunStore(Store(pathlib.Path(sys.argv[1]))), 0
    for run_id in runs.ids():
        try:
            runs.get(run_id).move(Status(sys.argv[2]))
            won += 1
        except IllegalTransition:
            pass
    print(won)
"""
HOLD_TRAINING = """
    import pathlib, sys, time
    from core.runs import Run
    from core.store import Store
    with Run(Store(pathlib.Path(sys.argv[1])), sys.argv[2]).training_lock() as is_mine:
        print(is_mine, flush=True)
        time.sleep(60)
"""


def test_a_new_run_is_queued_and_says_so_in_its_first_event(run: Run) -> None:
    state, spec, events = run.state(), run.spec(), list(run.events())

    assert (state.status, state.attempt, state.progress.total) == (Status.QUEUED, 1, 100)
    assert spec.request["recipe"] == "cgan"
    assert (spec.resolved, spec.model, spec.dataset) == (numbers(100), "shapes", dataset_manifest())
    assert [(event.id, event.type, event.data) for event in events] == [
        (1, "status", {"status": "queued", "attempt": 1})
    ]
    assert events[0].at == state.created_at
    assert (run.samples.is_dir(), run.is_being_trained()) == (True, False)


def test_run_ids_sort_by_time() -> None:
    ids = []
    for _ in range(10):
        ids.append(new_run_id())
        time.sleep(0.002)

    assert ids == sorted(ids)
    assert all(is_run_id(run_id) for run_id in ids)


def test_runs_are_listed_newest_first_and_foreign_folders_are_not(store: Store, new_run: NewRun) -> None:
    ids = []
    for _ in range(3):
        ids.append(new_run().id)
        time.sleep(0.002)
    store.path("runs/my-notes").mkdir()
    store.path("runs/run_README").write_text("put here by a person")

    assert RunStore(store).ids() == ids[::-1]


@pytest.mark.parametrize(
    "text",
    [
        *("", "run_", "run_0192f1c7a4e1b2c3d4e", "run_0192F1C7A4E1B2C3D4E5", "0192f1c7a4e1b2c3d4e5", ".", ".."),
        *("../models", "run_/../../../../etc", "run_0192f1c7a4e1b2c3d4e\n", "run_0192f1c7a4e1b2c3d4\0", "x" * 5000),
        "run_0192f1c7a4e1b2c3d4٣٣",
    ],
)
def test_text_that_is_no_run_id_is_no_run(store: Store, text: str) -> None:
    with pytest.raises(RunNotFound, match="there is no run"):
        RunStore(store).get(text)


def test_a_change_of_status_is_kept_and_logged(run: Run) -> None:
    run.move(Status.RUNNING, phase="preparing")
    failure = Failure(code="diverged", message="a weight is no number", retryable=False)

    run.move(Status.FAILED, failure=failure)

    assert run.state().failure == failure
    assert run.state().finished_at is not None
    data = [event.data for event in run.events()][1:]
    assert data == [
        {"status": "running", "attempt": 1},
        {"status": "failed", "attempt": 1, "failure": failure.model_dump()},
        {"status": "failed", "step": 0},
    ]
    assert [event.type for event in run.events()][2:] == ["status", "end"]


def test_a_mark_of_progress_is_no_event(run: Run) -> None:
    run.change(lambda now: now.model_copy(update={"sample_step": 5}), durable=False)

    assert run.state().sample_step == 5
    assert len(list(run.events())) == 1


def test_a_refused_change_leaves_the_state_as_it_was(run: Run) -> None:
    before = (run.folder / "state.json").read_bytes()

    with pytest.raises(IllegalTransition):
        run.move(Status.PAUSING)

    assert (run.folder / "state.json").read_bytes() == before
    assert len(list(run.events())) == 1


def test_of_two_processes_that_end_a_run_the_first_wins(store: Store, new_run: NewRun, start: Start) -> None:
    runs = [new_run() for _ in range(12)]
    for run in runs:
        run.move(Status.RUNNING)
        run.move(Status.CANCELING)
    children = {status: start(END_ALL, store.root, status) for status in ("succeeded", "canceled", "failed")}

    won = {status: int(child.communicate()[0]) for status, child in children.items()}

    statuses = [run.state().status for run in runs]
    assert won == {status: statuses.count(Status(status)) for status in won}
    assert sum(won.values()) == 12
    for run in runs:
        ending = [(event.type, event.data["status"]) for event in run.events()][3:]
        assert ending == [("status", run.state().status), ("end", run.state().status)]


def test_the_trainers_lock_is_seen_by_others_and_freed_by_kill_9(store: Store, run: Run, start: Start) -> None:
    child = start(HOLD_TRAINING, store.root, run.id)
    assert child.stdout is not None
    is_mine = child.stdout.readline().strip()
    while_held = run.is_being_trained()

    child.send_signal(signal.SIGKILL)
    child.wait()

    assert (is_mine, while_held, run.is_being_trained()) == ("True", True, False)


def test_when_a_run_was_asked_to_stop_is_kept(run: Run) -> None:
    run.move(Status.RUNNING)

    asked = run.move(Status.CANCELING).asked_to_stop_at
    again = run.move(Status.CANCELING).asked_to_stop_at

    assert asked is not None
    assert again == asked


def test_whoever_touches_a_deleted_run_is_told_and_does_not_bring_it_back(store: Store, run: Run) -> None:
    store.delete(run.key)

    acts = {
        "state": run.state,
        "spec": run.spec,
        "move": lambda: run.move(Status.CANCELED),
        "change": lambda: run.change(lambda now: now),
        "log_event": lambda: run.log_event("action", {}),
        "is_being_trained": run.is_being_trained,
    }
    for act in acts.values():
        with pytest.raises(RunNotFound):
            act()

    assert os.listdir(store.path("runs")) == []
    assert list(run.events()) == []


def test_a_run_that_is_retried_while_its_deletion_waits_stays(store: Store, run: Run) -> None:
    run.move(Status.CANCELED)
    with ThreadPoolExecutor(1) as pool:
        with files.lock_file(run.folder / ".state.lock"):
            deletion = pool.submit(run.delete)
            until(run.is_being_trained)  # the deletion has come so far, and waits for the lock of the state
            queued = run.state().asked("retry").model_dump(mode="json")
            store.swap(f"{run.key}/state.json", queued)

        with pytest.raises(IllegalTransition, match="cannot delete a run that is queued"):
            deletion.result()

    assert run.state().status is Status.QUEUED


def test_what_waits_for_a_run_that_is_deleted_finds_it_gone(run: Run) -> None:
    run.move(Status.CANCELED)
    with ThreadPoolExecutor(2) as pool:
        with files.lock_file(run.folder / ".state.lock"):
            retry = pool.submit(run.move, Status.QUEUED)
            time.sleep(0.05)
            run.store.delete(run.key)

        with pytest.raises(RunNotFound):
            retry.result()

    assert not run.folder.exists()


def test_names_tags_and_notes_of_a_run_are_kept_and_merged(run: Run) -> None:
    asked = run.notes(run.spec())
    run.annotate(RunPatch(name="a name", tags={"a": "1", "b": "2"}))

    run.annotate(RunPatch(notes="some", tags={"a": None}))

    assert (asked.name, asked.tags, asked.notes) == (None, {}, None)
    assert run.notes(run.spec()).model_dump() == {"name": "a name", "tags": {"b": "2"}, "notes": "some"}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"schema": 1}', b'{"schema": 2}', b'{"schema": 1, "status": "lost", "progress": {"total": 1}}', None],
)
def test_a_damaged_state_is_named(run: Run, content: bytes | None) -> None:
    path = run.folder / "state.json"
    path.unlink() if content is None else path.write_bytes(content)

    for act in (run.state, lambda: run.move(Status.CANCELED)):
        with pytest.raises(StoreDamaged, match=rf"state\.json.*{run.id}|{run.id}.*state\.json"):
            act()


def test_a_number_that_json_does_not_know_is_kept_as_none(run: Run) -> None:
    def mark(now: RunState) -> RunState:
        return now.model_copy(update={"metrics": {"loss": float("nan"), "other": float("inf"), "fine": 0.5}})

    run.change(mark)

    assert run.state().metrics == {"loss": None, "other": None, "fine": 0.5}


def test_a_run_that_cannot_be_written_leaves_nothing(store: Store) -> None:
    runs = RunStore(store)
    spec = RunSpec(recipe="cgan", dataset="shapes")

    with pytest.raises(ValueError, match="not JSON compliant"):
        runs.create(spec, numbers(1, generator_lr=float("nan")), dataset_manifest())

    assert runs.ids() == []
    assert list((store.root / "tmp").iterdir()) == []
