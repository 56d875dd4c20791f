"""Training on a disk that fills up: it fails by that name, leaves nothing half-written, and goes on with room again."""

from collections.abc import Iterator

import pytest

from bench.small_disk import fill, free
from core.registry import Registry
from core.runs import Run
from core.runs.checkpoints import list_checkpoints
from core.settings import Settings
from core.store import Store
from ganymede.schemas.states import Status
from tests.disks import own_disk
from tests.worker.conftest import CreateRun, TrainHere
from worker.hooks.publishing import KeepCheckpoints, PublishVersions
from worker.hooks.reporting import DrawSamples, ReportProgress
from worker.training.state import TrainState


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """On a disk of 48 MB."""
    with own_disk(settings.store_path, 48):
        yield Store(settings.store_path)


def weights(registry: Registry, run: Run) -> bytes:
    version = run.state().published[-1].version
    return (registry.folder("shapes", version) / "generator.safetensors").read_bytes()


@pytest.mark.parametrize("when", [KeepCheckpoints, PublishVersions, DrawSamples], ids=lambda hook: hook.__name__)
def test_a_run_whose_disk_is_full_fails_by_that_name_and_a_retry_ends_as_undisturbed(
    create_run: CreateRun,
    train_here: TrainHere,
    registry: Registry,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    when: type[KeepCheckpoints | PublishVersions | DrawSamples],
) -> None:
    undisturbed = create_run(report_every=1, seed=3, sample_every=5, publish={"every_steps": 5})
    train_here(undisturbed)
    run = create_run(report_every=1, seed=3, sample_every=5, publish={"every_steps": 5})
    store.keep_ballast()
    after_step = when.after_step
    is_full: list[bool] = []

    def fill_first(self: object, state: TrainState, is_last: bool) -> None:
        if state.step == 10 and not is_full:
            fill(store.root)
            is_full.append(True)
        after_step(self, state, is_last)  # type: ignore[arg-type]

    monkeypatch.setattr(when, "after_step", fill_first)

    ended = train_here(run)

    assert (ended, run.state().status) == ("failed: store_full", Status.FAILED)
    assert [event.type for event in run.events()][-2:] == ["status", "end"]
    free(store.root)
    assert [path for path in store.path("tmp").iterdir() if path.is_dir()] == []

    run.change(lambda now: now.asked("retry"))
    assert train_here(run) == "succeeded"

    assert weights(registry, run) == weights(registry, undisturbed)
    assert [str(found) for found in list_checkpoints(run)] == [str(found) for found in list_checkpoints(undisturbed)]
    steps = [entry.step for entry in run.state().published]
    assert steps == sorted(set(steps)) == [5, 10, 15, 20]
    assert [event.id for event in run.events()] == list(range(1, 1 + len(run.events())))


def test_progress_that_cannot_be_written_fails_the_run_by_that_name(
    create_run: CreateRun, train_here: TrainHere, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(report_every=1)
    store.keep_ballast()
    report = ReportProgress.after_report

    def fill_first(self: ReportProgress, state: TrainState, metrics: dict[str, float]) -> None:
        if state.step == 8:
            fill(store.root)
        report(self, state, metrics)

    monkeypatch.setattr(ReportProgress, "after_report", fill_first)

    ended = train_here(run)

    assert ended == "failed: store_full"
