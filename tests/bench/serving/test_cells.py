"""What a cell asks for: never a picture that an earlier one has had drawn."""

from collections.abc import Iterator
from typing import Any

import pytest

from bench.serving import cells, wrk
from bench.serving.servers import OURS, Running


def test_no_two_measurements_of_a_server_share_seeds() -> None:
    found = [cells.seed_of(cell, number, what) for cell in cells.CELLS for number in range(10) for what in ("a", "b")]

    assert len(set(found)) == len(found)


@pytest.mark.parametrize(("kind", "fails"), [("random", True), ("same", False)])
def test_a_cell_whose_pictures_come_from_memory_has_no_number(
    monkeypatch: pytest.MonkeyPatch, kind: Any, fails: bool
) -> None:
    hits: Iterator[float] = iter(range(10))

    class Remembering(Running):
        def ask(self, *_: Any, **__: Any) -> Any:
            return type("Answer", (), {"headers": {}, "content": b"", "status_code": 200})()

        def cache_hits(self) -> float:
            return next(hits)

    monkeypatch.setattr(wrk, "drive", lambda *_: {"bytes_per_request": 1.0, "requests_per_s": 100.0})
    cell = cells.Cell(name="one", kind=kind)

    if fails:
        with pytest.raises(wrk.LoadFailed, match="from memory"):
            cells.measure(Remembering(OURS, "bench32", 1, 1), cell, 1.0, 0)
    else:
        cells.measure(Remembering(OURS, "bench32", 1, 1), cell, 1.0, 0)
