"""The life of a run: every step that the HTTP contract names, and no other."""

import itertools

import pytest
from pydantic import ValidationError

from core.errors import IllegalTransition
from core.runs.states import TRANSITIONS, Progress, RunState
from ganymede.schemas.states import TERMINAL, Failure, Status

# The text of the contract, line by line (design, "the HTTP contract", section /train).
CONTRACT = """
    queued -> running
    running -> succeeded, failed
    queued -> canceled                  cancel
    paused -> canceled                  cancel
    running -> canceling                cancel
    pausing -> canceling                cancel
    canceling -> canceled               cancel
    queued -> paused                    pause
    running -> pausing                  pause
    pausing -> paused                   pause
    paused -> queued                    resume
    failed -> queued                    retry
    canceled -> queued                  retry
    running -> queued                   preempted, or its worker was lost
    running -> paused                   stop.action = pause
"""
# What the contract leaves to be understood.
UNDERSTOOD = """
    queued -> failed                    its worker was lost three times before it began
    pausing -> succeeded, failed        it ended before it saw that it should pause
    canceling -> succeeded, failed      it ended before it saw that it should stop
"""


def steps_of(text: str) -> set[tuple[Status, Status]]:
    found = set()
    for line in text.strip().splitlines():
        source, targets = line.strip().split("  ")[0].split(" -> ")
        found |= {(Status(source), Status(target)) for target in targets.split(", ")}
    return found


ALLOWED = steps_of(CONTRACT) | steps_of(UNDERSTOOD)
PAIRS = list(itertools.product(Status, Status))


def state(status: Status, **fields: object) -> RunState:
    return RunState.model_validate({"status": status, "progress": {"total": 10}, **fields})


@pytest.mark.parametrize(("before", "after"), [pair for pair in PAIRS if pair in ALLOWED])
def test_a_step_of_the_contract_is_taken(before: Status, after: Status) -> None:
    moved = state(before).moved(after, phase="x")

    assert (moved.status, moved.phase) == (after, "x")


@pytest.mark.parametrize(
    ("before", "after"), [pair for pair in PAIRS if pair not in ALLOWED and pair[0] is not pair[1]]
)
def test_any_other_step_is_refused_and_says_what_is_allowed(before: Status, after: Status) -> None:
    with pytest.raises(IllegalTransition) as refused:
        state(before).moved(after)

    assert refused.value.current_status == before
    assert set(refused.value.allowed) == {target for source, target in ALLOWED if source is before}


@pytest.mark.parametrize("status", Status)
def test_a_status_may_be_followed_by_itself(status: Status) -> None:
    assert state(status).moved(status).status is status


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(sorted(TERMINAL), 2)))
def test_the_first_terminal_status_stays(first: Status, second: Status) -> None:
    with pytest.raises(IllegalTransition):
        state(first).moved(second)


def test_only_three_statuses_are_the_end_and_four_wait_for_a_worker() -> None:
    assert set(TRANSITIONS) == set(Status)
    assert {s.value for s in Status if s.is_terminal} == {"canceled", "succeeded", "failed"}
    assert {s.value for s in Status if s.wants_worker} == {"queued", "running", "pausing", "canceling"}


@pytest.mark.parametrize("end", sorted(TERMINAL))
def test_the_end_is_dated_once(end: Status) -> None:
    ended = state(Status.CANCELING, phase="training").moved(end)

    assert ended.finished_at is not None
    assert ended.phase is None
    assert ended.moved(end).finished_at == ended.finished_at


def test_a_retried_run_is_no_longer_ended_or_failed_and_starts_its_losses_anew() -> None:
    failure = Failure(code="worker_lost", message="lost", retryable=True)
    failed = state(Status.RUNNING, attempt=3, attempts_without_checkpoint=2).moved(
        Status.FAILED, failure=failure, attempts_without_checkpoint=3
    )

    retried = failed.moved(Status.QUEUED, attempt=4)

    assert failed.failure == failure
    assert (retried.finished_at, retried.failure, retried.attempts_without_checkpoint) == (None, None, 0)
    assert (retried.attempt, retried.created_at) == (4, failed.created_at)


def test_fields_of_a_newer_build_are_ignored_and_wrong_ones_are_not() -> None:
    assert state(Status.QUEUED, invented_later=1).status is Status.QUEUED

    with pytest.raises(ValidationError, match="attempt"):
        state(Status.QUEUED, attempt="third")


def test_progress_is_a_fraction_of_the_whole() -> None:
    assert Progress(step=25, total=100).fraction == 0.25
