"""Runs attacked through the API at random, one by one and at once: no step is illegal, nothing is lost or left over."""

import itertools
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from core.errors import IllegalTransition, RunNotFound
from core.queue import JobState, TrainQueue
from core.queue.reconcile import reconcile
from core.registry import Registry
from core.runs import Run, RunStore
from core.runs.states import TRANSITIONS, VERBS
from core.store import Store
from ganymede.schemas.states import Failure, Status
from tests.fixtures import PublishTiny, Server, StartServer, files_of, until

BODY = {"recipe": "cgan", "dataset": "mnist-10k", "config": {"steps": 9, "width": 16, "extractor": "none"}}
ENDS = st.sampled_from([Status.SUCCEEDED, Status.FAILED, None])
ASKED = sorted(VERBS)


@pytest.fixture(scope="module")
def server(start_server: StartServer) -> Server:
    return start_server()


@pytest.fixture
def registry(server: Server) -> Registry:
    """That of the server, for whatever publishes."""
    return Registry(Store(server.store))


@pytest.fixture
def own_queue(server: Server) -> Iterator[TrainQueue]:
    """That of the server."""
    with TrainQueue(server.broker_url) as queue:
        yield queue


def create(client: httpx.Client) -> str:
    answer = client.post("/train", json=BODY)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def check_events(run: Run) -> None:
    """Ids without a gap, steps of the table, attempts that never go back."""
    events = run.events()
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    steps = [event.data for event in events if event.type == "status"]
    statuses = [Status(step["status"]) for step in steps]
    assert all(b in TRANSITIONS[a] or b is a for a, b in itertools.pairwise(statuses))
    attempts = [step["attempt"] for step in steps]
    assert attempts == sorted(attempts)


class ApiAtRandom(RuleBasedStateMachine):
    """Some runs, their owners, a worker that may die, a Redis that may be lost; the server's reconciler beside them."""

    known = Bundle("known")

    def __init__(self, server: Server, client: httpx.Client, queue: TrainQueue) -> None:
        super().__init__()
        self.client, self.queue, self.runs = client, queue, RunStore(Store(server.store))
        self.alive: set[str] = set()

    @rule(target=known)
    def create(self) -> str:
        run_id = create(self.client)
        self.alive.add(run_id)
        return run_id

    @rule(run_id=known, verb=st.sampled_from(ASKED))
    def ask(self, run_id: str, verb: str) -> None:
        answer = self.client.post(f"/train/{run_id}/{verb}")
        if run_id not in self.alive:
            assert answer.status_code == 404
        elif answer.status_code == 200:
            assert Status(answer.json()["status"]) in {*VERBS[verb].values(), Status.CANCELED, Status.PAUSED}
        else:
            assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")

    @rule(run_id=known, end=ENDS, is_checkpointed=st.booleans())
    def work(self, run_id: str, end: Status | None, is_checkpointed: bool) -> None:
        """A worker takes the run, and settles it; or dies without a word."""
        run = Run(self.runs.store, run_id)
        try:
            with run.training_lock() as is_mine:
                if not is_mine:
                    return
                run.change(lambda now: now.begun(None))
                if is_checkpointed:
                    run.change(lambda now: now.model_copy(update={"checkpoint_step": (now.checkpoint_step or 0) + 1}))
                if end is not None:
                    failure = Failure(code="internal", message="a test", retryable=True)
                    run.move(end, **({"failure": failure} if end is Status.FAILED else {}))
        except RunNotFound:
            assert run_id not in self.alive
        except IllegalTransition:
            assert run_id in self.alive

    @rule()
    def lose_redis(self) -> None:
        self.queue.connection.flushdb()

    @rule()
    def reconcile(self) -> None:
        """While the server's own works, this one does nothing."""
        until(self.all_that_is_queued_waits)

    def all_that_is_queued_waits(self) -> bool:
        reconcile(self.runs, self.queue)
        states = {run_id: Run(self.runs.store, run_id).state() for run_id in self.alive}
        queued = {run_id: state.attempt for run_id, state in states.items() if state.status is Status.QUEUED}
        return all(self.queue.state(run_id, attempt) is JobState.WAITING for run_id, attempt in queued.items())

    @rule(run_id=consumes(known))
    def delete(self, run_id: str) -> None:
        answer = self.client.delete(f"/train/{run_id}")
        if run_id not in self.alive:
            assert answer.status_code == 404
        elif answer.status_code == 204:
            self.alive.remove(run_id)
        else:
            assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")

    @invariant()
    def nothing_illegal_happened_and_nothing_was_lost(self) -> None:
        assert set(self.runs.ids()) == self.alive
        for run_id in self.alive:
            check_events(Run(self.runs.store, run_id))

    def teardown(self) -> None:
        """Whatever state it is in, a run can be ended and deleted, and nothing is left."""
        for run_id in self.alive:
            self.client.post(f"/train/{run_id}/cancel")
            reconcile(self.runs, self.queue)
            assert self.client.delete(f"/train/{run_id}").status_code == 204
        assert self.runs.ids() == []
        until(lambda: not self.queue.positions())  # the server's reconciler takes back what it queued too late
        assert list(self.runs.store.path("tmp").iterdir()) == []


def test_whatever_is_asked_of_the_api_no_step_is_illegal_and_nothing_is_lost(
    server: Server, own_queue: TrainQueue
) -> None:
    with server.client() as client:
        run_state_machine_as_test(
            lambda: ApiAtRandom(server, client, own_queue),  # type: ignore[arg-type]  # any factory will do
            settings=example_settings(max_examples=8, stateful_step_count=20, deadline=None, database=None),
        )


def test_many_who_ask_different_things_of_one_run_at_once_do_no_illegal_step(
    server: Server, own_queue: TrainQueue
) -> None:
    with server.client() as client:
        runs, run_id = RunStore(Store(server.store)), create(client)

        def ask(number: int) -> int:
            verb = random.Random(number).choice([*ASKED, "delete"] if number > 60 else ASKED)
            path = f"/train/{run_id}"
            return (client.delete(path) if verb == "delete" else client.post(f"{path}/{verb}")).status_code

        with ThreadPoolExecutor(8) as threads:
            codes = set(threads.map(ask, range(80)))

        assert codes <= {200, 204, 404, 409}
        if runs.ids():
            check_events(Run(runs.store, run_id))
            client.post(f"/train/{run_id}/cancel")
            reconcile(runs, own_queue)
            assert client.delete(f"/train/{run_id}").status_code == 204
        until(lambda: not own_queue.positions())


def test_an_alias_that_many_move_at_once_means_one_version_and_its_history_has_no_gap(
    server: Server, publish_tiny: PublishTiny, registry: Registry
) -> None:
    for seed in range(3):
        publish_tiny("raced", seed=seed)
    with server.client() as client:

        def move(number: int) -> int:
            rng = random.Random(number)
            path = f"/models/raced/aliases/{rng.choice(['best', 'worst'])}"
            if rng.random() < 0.2:
                return client.delete(path).status_code
            if rng.random() < 0.1:
                publish_tiny("raced", seed=10 + number)
            return client.put(path, json={"version": rng.randint(1, 3)}).status_code

        with ThreadPoolExecutor(8) as threads:
            codes = list(threads.map(move, range(60)))
        aliases = client.get("/models/raced/aliases").json()["data"]

    assert set(codes) <= {200, 201, 204, 404, 409}
    assert all(alias["version"] in registry.versions("raced") for alias in aliases)
    assert registry.versions("raced") == list(range(1, len(registry.versions("raced")) + 1))
    assert list(files_of(registry).path("tmp").iterdir()) == []
