"""A whole run of a recipe, as the worker trains it: how much of its time its hooks take.

The hooks write what the training loop itself does not: numbers, grids, evaluations, checkpoints, versions. A process
trains one run, since the job that is measured sends all output of its process to the run's log.
"""

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any, ClassVar, TypedDict

from bench.starter_data import bundled
from core.runs import RunStore
from core.settings import Settings
from core.store import Store
from ganymede.schemas.specs import RunSpec, TrainConfig
from ganymede.schemas.states import Status
from models.resolution import resolve
from worker import job
from worker.hooks.reporting import Together
from worker.training.distributed import World
from worker.training.state import TrainState
from worker.training.trainer import Hook, Metrics


class Whole(TypedDict):
    """Seconds of a run: of what was prepared before the first step, of the loop with its hooks, and of each hook."""

    steps: int
    preparing: float
    loop: float
    hooks: dict[str, float]


def share(whole: Whole) -> float:
    """What hooks take of the loop's time."""
    return sum(whole["hooks"].values()) / whole["loop"]


class TimedHook:
    """A hook with its time taken. All of a process share their sums."""

    seconds: ClassVar[dict[str, float]] = defaultdict(float)
    ended: ClassVar[float] = 0.0

    def __init__(self, hook: Hook) -> None:
        self.hook, self.name = hook, type(hook).__name__

    def after_report(self, state: TrainState, metrics: Metrics) -> None:
        began = time.perf_counter()
        self.hook.after_report(state, metrics)
        self._add(began)

    def after_step(self, state: TrainState, is_last: bool) -> None:
        began = time.perf_counter()
        self.hook.after_step(state, is_last)
        self._add(began)

    def _add(self, began: float) -> None:
        TimedHook.ended = time.perf_counter()
        self.seconds[self.name] += self.ended - began


class TimedTogether(Together):
    """The hooks of a job, each timed; made when the loop begins."""

    began: ClassVar[float] = 0.0

    def __init__(self, world: World, hooks: Sequence[Hook]) -> None:
        super().__init__(world, [TimedHook(hook) for hook in hooks])
        TimedTogether.began = time.perf_counter()


def measure(recipe: str, images: int, **config: Any) -> Whole:
    """Train a run of `recipe` on the bundled digits until it has seen `images`; what `config` leaves out is "auto"."""
    with tempfile.TemporaryDirectory(prefix="ganymede-bench-") as folder:
        found = Path(folder) / "found.json"
        trainer = get_context("spawn").Process(target=_train, args=(Path(folder), recipe, images, config, found))
        trainer.start()
        trainer.join()
        if trainer.exitcode:
            raise RuntimeError(f"a run of {recipe} ended with status {trainer.exitcode}")
        whole: Whole = json.loads(found.read_text(encoding="utf-8"))
        return whole


def _train(home: Path, recipe: str, images: int, config: dict[str, Any], found: Path) -> None:
    settings = Settings(home=home, store=None, redis_url=None)
    store = Store(settings.store_path)
    dataset = bundled(store)
    spec = RunSpec(recipe=recipe, dataset=dataset.name)
    steps = max(1, images // resolve(spec, dataset).images_per_step)
    spec = RunSpec(recipe=recipe, dataset=dataset.name, config=TrainConfig(steps=steps, **config))
    run = RunStore(store).create(spec, resolve(spec, dataset), dataset)
    job.Together = TimedTogether  # type: ignore[attr-defined]  # it imports that class
    began = time.perf_counter()
    job.take_on(run.id, settings)
    state = run.state()
    if state.status is not Status.SUCCEEDED:
        raise SystemExit(f"the run is {state.status}: {state.failure}")
    loop = TimedHook.ended - TimedTogether.began
    whole = Whole(steps=steps, preparing=TimedTogether.began - began, loop=loop, hooks=dict(TimedHook.seconds))
    found.write_text(json.dumps(whole), encoding="utf-8")
