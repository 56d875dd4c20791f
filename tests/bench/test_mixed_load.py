"""The hour of mixed load, in its short form: what it counts of a store, and that it runs."""

from pathlib import Path

import pytest

from bench.mixed_load import MixedLoad, summary, take
from bench.service import OwnService
from bench.store_size import measure


def folder_of(path: Path, size: int) -> None:
    path.mkdir(parents=True)
    (path / "weights").write_bytes(bytes(size))


def test_what_a_store_holds_beyond_its_retention_is_told(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    for number in range(4):
        folder_of(tmp_path / "runs" / "run_1" / "checkpoints" / f"0-{number}", 100)
        folder_of(tmp_path / "models" / "m" / str(number), 10)
    within = measure(tmp_path, keep=1, left=2)
    folder_of(tmp_path / "runs" / "run_1" / "checkpoints" / "0-4", 100)
    folder_of(tmp_path / "models" / "m" / "4", 10)

    beyond = measure(tmp_path, keep=1, left=2)

    assert (within.is_within, within.held_bytes, within.most_checkpoints, within.versions) == (True, 440, 4, 4)
    assert (beyond.is_within, beyond.held_bytes, beyond.allowed_bytes, beyond.allowed_versions) == (False, 550, 440, 4)


@pytest.mark.slow
def test_a_service_under_everything_at_once_fails_nothing_and_is_measured(tmp_path: Path) -> None:
    with OwnService.running(tmp_path, "api", "worker") as service:
        load = MixedLoad(service)
        load.start()
        try:
            while not (load.seen["run succeeded"] + load.seen["run canceled"] and load.seen["hung up"]):
                load.is_over.wait(0.5)
            samples = [take(service, 0.0) for _ in range(3)]
        finally:
            load.stop()

    told = summary(samples)
    assert told["store"]["above_what_is_allowed"] == []
    assert told["api"]["resident_mb"][0] > 0
    assert not [kind for kind in load.seen if kind.endswith((" 500", "run failed"))], load.seen
