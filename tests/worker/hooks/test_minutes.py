"""The minutes of a key: counted while its run trains; a run that uses them up waits, and loses nothing."""

import json
from types import SimpleNamespace

import pytest

from core.datasets import Dataset
from core.keys import KeyChange, KeysFile, KeyUsage, KeyWanted
from core.runs import Run
from core.runs.checkpoints import list_checkpoints
from core.settings import Settings
from ganymede.schemas.keys import KeyRef, KeyScope
from ganymede.schemas.states import Status
from tests.worker.conftest import CreateRun, TrainHere
from worker.hooks.minutes import KeyMinutes


@pytest.fixture
def key(settings: Settings) -> KeyRef:
    wanted = KeyWanted(scopes=(KeyScope.TRAIN,), training_minutes_a_day=1)
    return KeysFile(settings.keys_path).create(wanted).key.ref


def of(run: Run, key: KeyRef) -> Run:
    path = run.folder / "spec.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "made_by": key.model_dump()}))
    return run


def test_the_time_of_a_run_is_counted_to_its_key(
    create_run: CreateRun, train_here: TrainHere, settings: Settings, key: KeyRef, shapes: Dataset
) -> None:
    run = of(create_run(), key)

    train_here(run)
    train_here(create_run())  # of no key

    assert run.state().status is Status.SUCCEEDED
    counted = json.loads(settings.usage_path.read_text())["training_s"]
    assert counted.keys() == {key.id}
    assert 0 <= counted[key.id] <= run.state().worked_s + 1


def test_a_run_whose_key_has_used_up_its_minutes_is_paused_and_goes_on_another_day(
    create_run: CreateRun, train_here: TrainHere, settings: Settings, key: KeyRef
) -> None:
    run = of(create_run(), key)
    kept = KeysFile(settings.keys_path).read()[0]
    KeyUsage(settings.usage_path).train(kept, 60.0)

    train_here(run)

    assert run.state().status is Status.PAUSED
    told = [event.data for event in run.events() if event.data.get("action") == "quota_exceeded"]
    assert [f"the key {key.id} may train 1 minutes a day" in each["message"] for each in told] == [True]
    settings.usage_path.unlink()  # the day is over
    run.change(lambda now: now.asked("resume"))
    train_here(run)
    assert run.state().status is Status.SUCCEEDED
    assert list_checkpoints(run)[0].step == 20


def test_a_usage_that_cannot_be_written_ends_no_training(
    create_run: CreateRun, train_here: TrainHere, settings: Settings, key: KeyRef, caplog: pytest.LogCaptureFixture
) -> None:
    run = of(create_run(), key)
    settings.usage_path.mkdir(parents=True)

    train_here(run)

    assert run.state().status is Status.SUCCEEDED
    assert "cannot be counted" in caplog.text


def test_only_the_time_since_a_limit_was_set_is_counted(
    create_run: CreateRun, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = KeysFile(settings.keys_path)
    key = file.create(KeyWanted(scopes=(KeyScope.TRAIN,))).key
    clock = iter([0.0, 100.0, 101.0])
    monkeypatch.setattr("worker.hooks.minutes.time", SimpleNamespace(monotonic=lambda: next(clock)))
    minutes = KeyMinutes(of(create_run(), key.ref), settings)

    minutes.look()
    file.change(key.id, KeyChange(training_minutes_a_day=5))
    minutes.look()

    assert json.loads(settings.usage_path.read_text())["training_s"] == {key.id: 1.0}
