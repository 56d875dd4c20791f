"""Idempotency keys on disk: who holds one, what it knows, when it is forgotten."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.errors import IdempotencyKeyInFlight, IdempotencyKeyReused, StoreDamaged
from core.runs import idempotency
from core.runs.idempotency import IdempotencyKeys
from core.store import Store, files
from tests.core.conftest import Start

BODY: dict[str, Any] = {"recipe": "cgan", "dataset": "shapes"}
HOLD = """
    import pathlib, sys, time
    from core.runs.idempotency import IdempotencyKeys
    from core.store import Store
    with IdempotencyKeys(Store(pathlib.Path(sys.argv[1]))).held("key", {}) as key:
        key.record("run_a")
        print("held", flush=True)
        time.sleep(60)
"""


@pytest.fixture
def keys(store: Store) -> IdempotencyKeys:
    return IdempotencyKeys(store)


def use(keys: IdempotencyKeys, key: str, run_id: str) -> None:
    with keys.held(key, BODY) as held:
        held.record(run_id)


def known_run(keys: IdempotencyKeys, key: str, body: dict[str, Any] = BODY) -> str | None:
    with keys.held(key, body) as held:
        return held.run_id


def records(store: Store) -> list[Path]:
    return list(store.path("idempotency").glob("*.json"))


def test_a_key_knows_the_run_it_was_used_for_and_no_other_key_does(keys: IdempotencyKeys) -> None:
    before = known_run(keys, "a key")
    use(keys, "a key", "run_a")

    assert before is None
    assert (known_run(keys, "a key"), known_run(keys, "A key"), known_run(keys, "../a key")) == ("run_a", None, None)


def test_the_order_of_the_fields_of_a_body_does_not_matter_and_its_values_do(keys: IdempotencyKeys) -> None:
    use(keys, "key", "run_a")

    assert known_run(keys, "key", {"dataset": "shapes", "recipe": "cgan"}) == "run_a"
    with pytest.raises(IdempotencyKeyReused, match="another body") as refused:
        known_run(keys, "key", {"dataset": "shapes", "recipe": "dcgan"})
    assert [problem.pointer for problem in refused.value.problems] == ["Idempotency-Key"]


def test_a_key_that_another_process_holds_is_in_flight_until_that_is_killed(
    store: Store, keys: IdempotencyKeys, start: Start
) -> None:
    child = start(HOLD, store.root)
    assert child.stdout is not None
    child.stdout.readline()

    with pytest.raises(IdempotencyKeyInFlight):
        known_run(keys, "key", {})
    other = known_run(keys, "other", {})
    child.kill()
    child.wait()

    assert other is None
    assert known_run(keys, "key", {}) == "run_a"


def test_a_key_is_forgotten_after_a_day_and_may_then_come_with_another_body(
    store: Store, keys: IdempotencyKeys
) -> None:
    use(keys, "old", "run_a")
    use(keys, "new", "run_b")
    grow_old(store, "old")

    assert known_run(keys, "old", {}) is None
    assert keys.sweep() == 1
    assert len(records(store)) == 1
    assert (known_run(keys, "old", {}), known_run(keys, "new")) == (None, "run_b")


def test_a_key_in_use_is_not_swept(store: Store, keys: IdempotencyKeys) -> None:
    use(keys, "old", "run_a")
    grow_old(store, "old")

    with keys.held("old", BODY):
        swept = keys.sweep()

    assert (swept, len(records(store))) == (0, 1)


def test_the_locks_of_requests_that_made_nothing_are_swept(store: Store, keys: IdempotencyKeys) -> None:
    known_run(keys, "key")

    keys.sweep()

    assert os.listdir(store.path("idempotency")) == [".sweeping"]


@pytest.mark.parametrize(
    "content", ["", "{", '{"schema": 1}', '{"schema": 1, "run": "r", "body_sha256": "b", "at": 7}']
)
def test_a_damaged_record_is_told_and_does_not_stop_the_sweep(
    store: Store, keys: IdempotencyKeys, content: str
) -> None:
    use(keys, "key", "run_a")
    records(store)[0].write_text(content)

    with pytest.raises(StoreDamaged):
        known_run(keys, "key")
    assert keys.sweep() == 0


def grow_old(store: Store, key: str) -> None:
    path = store.path(f"idempotency/{idempotency._digest(key)}.json")
    yesterday = (datetime.now(UTC) - timedelta(hours=24, minutes=1)).isoformat()
    files.write_json(path, json.loads(path.read_text()) | {"at": yesterday})
