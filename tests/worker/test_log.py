"""What a worker logs: each line about a run names it, in its own output and in the run's log."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from core.queue import TrainQueue
from core.settings import Settings
from tests.fixtures import until
from tests.processes import children, on_linux
from tests.worker.conftest import CreateRun


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@on_linux
def test_every_line_about_a_run_names_it(settings: Settings, create_run: CreateRun, tmp_path: Path) -> None:
    run = create_run(steps=1_000_000, checkpoint_every=1000)
    environment = {
        **os.environ,
        "GANYMEDE_HOME": str(settings.home),
        "GANYMEDE_REDIS_URL": str(settings.redis_url),
        "GANYMEDE_DEVICE": "cpu",
        "GANYMEDE_LOG_FORMAT": "json",
    }
    with TrainQueue(str(settings.redis_url)) as queue, (tmp_path / "worker.log").open("wb") as output:
        queue.enqueue(run.id, 1)
        process = subprocess.Popen([sys.executable, "-m", "worker"], env=environment, stderr=output)
        until(lambda: run.state().progress.step > 0)

        os.kill(children(process.pid)[0], signal.SIGKILL)
        until(lambda: "horse" in (tmp_path / "worker.log").read_text())
        process.terminate()
        process.wait(300)

    of_parent = [line for line in lines(tmp_path / "worker.log") if "horse" in line["message"]]
    of_run = lines(run.log_file)
    assert {line["run"] for line in of_parent} == {run.id}
    assert "attempt 1 begins at step 0 of 1000000" in [line["message"] for line in of_run]
    assert {line["run"] for line in of_run} == {run.id}
