"""The fuzzing of the API, in its short form: one round with a few cases an operation."""

from pathlib import Path

import pytest

from bench import fuzz


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(len(fuzz.KEYS)), ids=list(fuzz.KEYS))
def test_whatever_is_asked_is_answered_as_the_document_says(tmp_path: Path, seed: int) -> None:
    found = next(fuzz.rounds(tmp_path, iter([seed]), 2, ("fuzzing",)))

    assert found.failures == found.errors == []
    assert found.server_errors == 0
    assert found.cases >= 50
