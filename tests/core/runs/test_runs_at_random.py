"""A run attacked at random: whatever is asked of it, in whatever order, no step is illegal and nothing is lost."""

import contextlib
import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from core.errors import IllegalTransition, RunNotFound
from core.queue import JobState, TrainQueue
from core.queue.reconcile import reconcile
from core.runs import RunStore
from core.runs.states import DELETABLE, TRANSITIONS, VERBS, RunState
from core.store import Store
from ganymede.schemas.specs import RunPatch, RunSpec
from ganymede.schemas.states import Status
from tests.manifests import dataset_manifest
from tests.records import numbers

SETTLED = st.sampled_from([Status.SUCCEEDED, Status.FAILED, Status.PAUSED, Status.CANCELED, Status.QUEUED])


class AskedAtRandom(RuleBasedStateMachine):
    """One run, its owner, its worker and the reconciler, each at any time."""

    def __init__(self, store: Store, queue: TrainQueue) -> None:
        super().__init__()
        self.queue, self.runs = queue, RunStore(store)
        queue.connection.flushall()
        self.run = self.runs.create(RunSpec(recipe="cgan", dataset="shapes"), numbers(100), dataset_manifest())
        self.attempt, self.notes, self.is_deleted = 1, "", False

    @rule(verb=st.sampled_from(sorted(VERBS)))
    def ask(self, verb: str) -> None:
        with self.told_if_deleted():
            before = self.run.state()
            if before.status not in VERBS[verb]:
                with pytest.raises(IllegalTransition) as refused:
                    self.run.change(lambda now: now.asked(verb))
                assert set(refused.value.allowed) == TRANSITIONS[before.status]
                return
            after = self.run.change(lambda now: now.asked(verb))
            assert after.status is VERBS[verb][before.status]
            assert after.attempt - before.attempt == (after.status is Status.QUEUED is not before.status)
            if after.status is Status.QUEUED:
                self.queue.enqueue(self.run.id, after.attempt)

    @rule(text=st.text(max_size=5))
    def note(self, text: str) -> None:
        with self.told_if_deleted():
            self.notes = self.run.annotate(RunPatch(notes=text)).notes or ""

    @rule()
    def delete(self) -> None:
        with self.told_if_deleted():
            if self.run.state().status in DELETABLE:
                self.run.delete()
                self.is_deleted = True
            else:
                with pytest.raises(IllegalTransition):
                    self.run.delete()

    @rule(end=SETTLED | st.none(), checkpoint=st.booleans())
    def work(self, end: Status | None, checkpoint: bool) -> None:
        """A worker takes the run on, and settles it; or dies, without a word."""
        with self.told_if_deleted(), self.run.training_lock(), contextlib.suppress(IllegalTransition):
            self.run.move(Status.RUNNING)
            if checkpoint:
                self.run.change(lambda now: now.model_copy(update={"checkpoint_step": (now.checkpoint_step or 0) + 1}))
            if end is not None:
                self.run.change(lambda now: self.settled(now, end))

    def settled(self, now: RunState, end: Status) -> RunState:
        return now.moved(end, attempt=now.attempt + 1) if end is Status.QUEUED else now.moved(end)

    @rule(is_redis_lost=st.booleans())
    def reconcile(self, is_redis_lost: bool) -> None:
        if is_redis_lost:
            self.queue.connection.flushall()
        reconcile(self.runs, self.queue)
        if not self.is_deleted:
            state = self.run.state()
            assert state.status not in (Status.PAUSING, Status.CANCELING)
            if state.status is Status.QUEUED:
                assert self.queue.state(self.run.id, state.attempt) is JobState.WAITING

    @invariant()
    def nothing_illegal_happened_and_nothing_was_lost(self) -> None:
        assert self.run.folder.exists() != self.is_deleted
        if self.is_deleted:
            return
        steps: list[dict[str, Any]] = [event.data for event in self.run.events() if event.type == "status"]
        statuses = [Status(step["status"]) for step in steps]
        assert all(b in TRANSITIONS[a] or b is a for a, b in itertools.pairwise(statuses))
        state = self.run.state()
        assert (statuses[-1], steps[-1]["attempt"]) == (state.status, state.attempt)
        assert state.attempt >= self.attempt
        self.attempt = state.attempt
        assert (self.run.notes(self.run.spec()).notes or "") == self.notes

    @contextlib.contextmanager
    def told_if_deleted(self) -> Any:
        try:
            yield
        except RunNotFound:
            assert self.is_deleted


def test_whatever_is_asked_of_a_run_no_step_is_illegal_and_nothing_is_lost(tmp_path: Path, broker_url: str) -> None:
    store = Store(tmp_path / "store")
    with TrainQueue(broker_url) as queue:
        run_state_machine_as_test(
            lambda: AskedAtRandom(store, queue),  # type: ignore[arg-type]  # any factory will do
            settings=settings(max_examples=25, stateful_step_count=25, deadline=None, database=None),
        )
