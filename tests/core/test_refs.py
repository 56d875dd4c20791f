"""Names and model references: what may name a thing, and what a reference says."""

import pytest
from pydantic import ValidationError

from core.errors import InvalidRequest
from core.refs import check_model_name, check_name, parse_model_ref, parse_reference
from ganymede.schemas.references import ModelRef, RunRef
from ganymede.schemas.specs import RunSpec

GOOD_NAMES = ["a", "0", "digits", "mnist-10k", "a.b_c-d", "a" * 64, "a..b", "run-2"]
BAD_NAMES = [
    *("", ".", "..", "../x", "a/b", "/etc", "a\\b", ".hidden", "-rf", "_x", "A", "Digits", "a" * 65, "a b", " a"),
    *("a\n", "\na", "a\0", "é", "\uff41", "a٣", "naïve", "a\u200b", "a@1", "a:b", "%2e%2e", "a?b", "a\ud800"),
]


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_a_plain_name_is_taken_as_it_is(name: str) -> None:
    assert check_name(name, "name") == name


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_climbs_or_confuses_is_refused_at_its_pointer(name: str) -> None:
    with pytest.raises(InvalidRequest, match="a name is lower-case letters") as refused:
        check_name(name, "/model")

    assert [problem.pointer for problem in refused.value.problems] == ["/model"]


@pytest.mark.parametrize("name", [*GOOD_NAMES, *BAD_NAMES])
def test_the_run_body_takes_the_same_names(name: str) -> None:
    try:
        RunSpec(recipe="cgan", dataset=name)
    except ValidationError:
        is_taken = False
    else:
        is_taken = True

    assert is_taken == (name in GOOD_NAMES)


def test_a_refused_name_is_quoted_shortened_and_escaped() -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_name("\n\x1b" + "x" * 10_000, "name")

    assert len(str(refused.value)) < 300
    assert str(refused.value).isprintable()


def test_the_name_run_is_reserved_among_models() -> None:
    with pytest.raises(InvalidRequest, match="'run' is reserved") as refused:
        check_model_name("run", "/model")

    assert refused.value.problems[0].pointer == "/model"
    assert check_name("run", "name") == "run"


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("digits", ModelRef("digits")),
        ("digits@1", ModelRef("digits", version=1)),
        ("digits@999999999", ModelRef("digits", version=999_999_999)),
        ("digits:latest", ModelRef("digits", alias="latest")),
        ("mnist-10k:best.so-far", ModelRef("mnist-10k", alias="best.so-far")),
    ],
)
def test_a_reference_has_three_forms_and_is_written_as_it_was_read(text: str, ref: ModelRef) -> None:
    parsed = parse_model_ref(text)

    assert parsed == ref
    assert str(parsed) == text
    assert parsed.is_pinned == ("@" in text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "@1", ":latest", "digits@", "digits:", "digits@0", "digits@01", "digits@-1", "digits@1.0", "digits@1 "),
        *("digits@1000000000", "digits@latest", "digits@1:latest", "digits:latest@1", "digits:a:b", "digits@1٣"),
        *("digits@٣", "../x@1", "a/b", "digits:../x", "Digits", "digits\n", "digits@1\n", "run", "run@1"),
        "run:run_0192f1c7a4e1b2c3d4e5@100",  # a checkpoint is no model
    ],
)
def test_text_in_no_form_of_a_reference_is_refused_at_its_pointer(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_model_ref(text, "/init")

    assert [problem.pointer for problem in refused.value.problems] == ["/init"]


@pytest.mark.parametrize("step", ["latest", "0", "100", "0-100", "3-2000"])
def test_a_checkpoint_is_referred_to_by_its_run_and_step(step: str) -> None:
    text = f"run:run_0192f1c7a4e1b2c3d4e5@{step}"

    parsed = parse_reference(text)

    assert parsed == RunRef("run_0192f1c7a4e1b2c3d4e5", step)
    assert (str(parsed), parsed.is_pinned) == (text, False)
    assert parse_reference("digits@1") == ModelRef("digits", 1)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "run:",
            "run:@1",
            "run:run_1",
            "run:run_1@",
            "run:run_1@best",
            "run:run_1@-1",
            "run:run_1@1-",
            "run:run_1@1-2-3",
        ),
        *(
            "run:run_1@1@2",
            "run:run_1:latest",
            "run:a:b@1",
            "run:run_1@٣",
            "run:run_1@latest\n",
            "run:run_1@" + "1" * 16,
        ),
    ],
)
def test_text_that_only_begins_like_a_checkpoint_is_told_the_form(text: str) -> None:
    with pytest.raises(InvalidRequest, match="RUN_ID@STEP") as refused:
        parse_reference(text, "/model")

    assert [problem.pointer for problem in refused.value.problems] == ["/model"]
