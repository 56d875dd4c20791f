"""Several reconcilers at once: the API and every worker have one."""

import subprocess

from core.queue import TrainQueue
from core.queue.reconcile import reconcile
from core.runs import Run, RunStore
from core.store import files
from ganymede.schemas.states import Status
from tests.core.conftest import Start, waiting
from tests.fixtures import NewRun

RECONCILE = """
    import pathlib, sys
    from core.queue import TrainQueue
    from core.queue.reconcile import reconcile
    from core.runs import RunStore
    from core.store import Store
    with TrainQueue(sys.argv[2]) as queue:
        print("ready", flush=True)
        input()
        print(reconcile(RunStore(Store(pathlib.Path(sys.argv[1]))), queue))
"""


def test_two_reconcilers_at_once_enqueue_every_run_once(
    runs: RunStore, queue: TrainQueue, new_run: NewRun, start: Start, broker_url: str
) -> None:
    created = [new_run() for _ in range(8)]
    for run in created[:3]:
        run.move(Status.RUNNING)
    children = [start(RECONCILE, runs.store.root, broker_url) for _ in range(2)]
    for child in children:
        assert child.stdout is not None
        child.stdout.readline()

    for child in children:
        tell(child)
    for child in children:
        child.wait()
    reconcile(runs, queue)

    assert sorted(waiting(queue)) == sorted(f"train-{run.id}-{run.state().attempt}" for run in created)
    assert [run.state().attempt for run in created] == [2] * 3 + [1] * 5


def test_while_one_reconciles_another_goes_on_at_once(runs: RunStore, queue: TrainQueue, run: Run) -> None:
    with files.lock_file(runs.store.path("runs/.reconciler.lock")):
        while_held = reconcile(runs, queue), waiting(queue)

    assert while_held == (0, [])
    assert reconcile(runs, queue) == 1


def tell(child: "subprocess.Popen[str]") -> None:
    assert child.stdin is not None
    child.stdin.write("go\n")
    child.stdin.close()
