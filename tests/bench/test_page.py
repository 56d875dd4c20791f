"""What the bench of the page makes of a trace, and the long run that it looks at."""

import json
from pathlib import Path
from typing import Any

from bench import page
from bench.long_run import long_run
from core.datasets import DatasetStore
from core.store import Store


def task(thread: int, milliseconds: float, **more: Any) -> dict[str, Any]:
    name = "ThreadControllerImpl::RunTask"
    return {"pid": 1, "tid": thread, "ph": "X", "name": name, "dur": 1000 * milliseconds, **more}


def named(thread: int, name: str) -> dict[str, Any]:
    return {"pid": 1, "tid": thread, "ph": "M", "name": "thread_name", "args": {"name": name}}


def test_the_tasks_of_the_main_thread_that_did_the_most_are_read_from_a_trace() -> None:
    idle, busy, other = 1, 2, 3
    names = [named(idle, "CrRendererMain"), named(busy, "CrRendererMain"), named(other, "Compositor")]
    events = [*names, task(idle, 1), task(busy, 4), task(busy, 60), task(other, 500), task(busy, 9, name="Paint")]

    found = page.told(page.tasks(json.dumps({"traceEvents": events}).encode()))

    assert (found["tasks"], found["longest_ms"], found["over_50_ms"]) == (2, 60, 1)


def test_the_long_run_has_as_many_points_and_grids_as_it_was_asked_for_and_is_over(tmp_path: Path) -> None:
    DatasetStore(Store(tmp_path)).add_bundled()

    run = long_run(Store(tmp_path), points=40, grids=4)

    assert run.state().status.is_terminal
    assert len(run.metrics_file.read_text().splitlines()) == 40
    assert sorted(file.name for file in run.samples.iterdir()) == [f"0-{step}.webp" for step in (100, 200, 300, 400)]
