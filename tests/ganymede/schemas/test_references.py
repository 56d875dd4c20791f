"""References as a client reads them: without the service, a wrong one is a ValueError that says what is allowed."""

import pytest

from ganymede.schemas.references import BranchStep, ModelRef, RunRef, parse_branch_step, parse_reference


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("digits", ModelRef("digits")),
        ("digits@3", ModelRef("digits", version=3)),
        ("digits:production", ModelRef("digits", alias="production")),
        ("run:run_1@0-200", RunRef("run_1", "0-200")),
        ("run:run_1@latest", RunRef("run_1", "latest")),
    ],
)
def test_a_reference_is_read_and_written_the_same(text: str, reference: ModelRef | RunRef) -> None:
    assert parse_reference(text) == reference
    assert str(reference) == text


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("", "NAME, NAME@VERSION or NAME:ALIAS"),
        ("digits@0", "NAME, NAME@VERSION or NAME:ALIAS"),
        ("Digits", "lower-case letters"),
        ("digits:Production", "lower-case letters"),
        ("run", "reserved"),
        ("run:run_1", "run:RUN_ID@STEP"),
        ("run:run_1@soon", "a step, BRANCH-STEP or latest"),
    ],
)
def test_a_wrong_reference_is_refused_with_what_is_allowed(text: str, allowed: str) -> None:
    with pytest.raises(ValueError, match=allowed):
        parse_reference(text)


def test_a_place_in_a_run_is_named_by_branch_and_step() -> None:
    assert parse_branch_step("1-200") == BranchStep(1, 200)
    assert str(BranchStep(1, 200)) == "1-200"
    assert parse_branch_step("200") is None
    assert BranchStep(1, 0) > BranchStep(0, 200)
