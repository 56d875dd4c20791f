"""The commands for what a run leaves behind: events, numbers, grids, the nearest pictures, the log."""

from pathlib import Path

import pytest

from ganymede.commands import history
from tests.ganymede.conftest import Ganymede
from tests.ganymede.contract import RUN, Answer, Contract, event, page, run_body


def test_events_metrics_and_samples_are_tables_or_files(contract: Contract, ganymede: Ganymede, tmp_path: Path) -> None:
    path = f"/train/{RUN}"
    metrics = {"x": "step", "columns": ["g", "none"], "data": [[1, 2], [0.5, 2.0], [None, None]], "attempts": []}
    contract.on("GET", f"{path}/events", page(event(1, step=3, metrics={"g": 0.123456})))
    contract.on("GET", f"{path}/metrics", Answer(metrics | {"downsampled": None}), Answer("step,g\r\n1,0.5\r\n"))
    contract.on("GET", f"{path}/samples", page({"step": 5, "branch": 0, "url": "/u", "bytes": 2500, "at": "now"}))
    contract.on("GET", f"{path}/samples/0-5", Answer(b"RIFF"))

    events = ganymede("runs", "events", RUN)
    numbers, csv = ganymede("runs", "metrics", RUN), ganymede("runs", "metrics", RUN, "--csv")
    listed = ganymede("runs", "samples", RUN)
    ganymede("runs", "samples", RUN, "--step", "0-5", "-o", str(tmp_path / "g.webp"))

    assert events.stdout.splitlines()[1] == "1\t2026-01-01T00:00:00Z\tmetrics\tstep=3, g=0.1235"
    assert numbers.stdout.splitlines()[1:] == ["g\t2\t0.5\t2\t▁█"]
    assert csv.stdout_bytes == b"step,g\r\n1,0.5\r\n"
    assert listed.stdout.splitlines()[1] == "5\t2.5 kB\tnow\t/u"
    assert (tmp_path / "g.webp").read_bytes() == b"RIFF"


DISTANCES = {"count": 9, "least": 0.5, "fifth_percentile": 0.7, "median": 1.5}
FACTS = {"run": RUN, "branch": 0, "step": 5, "sheet_url": "/u", "columns": 1, "compared": 9, "images": 9}
FACTS |= {"fakes": DISTANCES, "reals": {**DISTANCES, "median": 2.5}, "extractor": "classifier"}


def test_the_nearest_are_a_table_or_a_sheet_in_the_form_of_the_file(
    contract: Contract, ganymede: Ganymede, tmp_path: Path
) -> None:
    pair = {"seed": 7, "label": None, "distance": 0.123456, "ratio": 0.1, "index": 12, "real_label": None}
    contract.on("GET", f"/train/{RUN}/checkpoints/latest/nearest", Answer({**FACTS, "pairs": [pair]}))
    contract.on("GET", f"/train/{RUN}/checkpoints/0-5/nearest", Answer(b"SHEET"))

    listed = ganymede("runs", "nearest", RUN)
    ganymede("runs", "nearest", RUN, "--step", "0-5", "-o", str(tmp_path / "s.PNG"))
    ganymede("runs", "nearest", RUN, "--step", "0-5", "-o", str(tmp_path / "s.webp"))

    assert listed.stdout.splitlines()[1].split("\t")[2:] == ["0.1235", "12"]
    assert "step 5: median of fakes 1.5, of real pictures 2.5" in listed.stderr
    assert [request.headers["accept"] for request in contract.seen] == ["application/json", "image/png", "image/webp"]
    assert (tmp_path / "s.PNG").read_bytes() == b"SHEET"


def test_of_a_step_that_was_not_evaluated_the_words_of_the_service_are_told(
    contract: Contract, ganymede: Ganymede, tmp_path: Path
) -> None:
    problem = {"title": "No such sheet", "status": 404, "code": "nearest_not_found", "detail": "held no fakes of 3"}
    contract.on("GET", f"/train/{RUN}/checkpoints/3/nearest", Answer(problem, 404))

    done = ganymede("runs", "nearest", RUN, "--step", "3", "-o", str(tmp_path / "s.webp"))

    assert (done.exit_code, "held no fakes of 3" in done.stderr) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_a_timeline_is_a_table_or_a_picture_in_the_form_of_the_file(
    contract: Contract, ganymede: Ganymede, tmp_path: Path
) -> None:
    frame = {"step": 5, "reference": "mine@1", "png": ""}
    facts = {"run": RUN, "seed": 7, "label": None, "label_name": None, "truncation": 1.0, "scale": 1, "height": 8}
    told = {
        **facts,
        "width": 8,
        "channels": 1,
        "frames": [frame],
        "omitted_steps": [],
        "num_gone": 3,
        "gone_steps": [1],
    }
    contract.on("GET", "/generate/timeline", Answer(told), Answer(b"PICTURE"))

    listed = ganymede("runs", "timeline", RUN, "--seed", "7")
    ganymede("runs", "timeline", RUN, "-o", str(tmp_path / "s.png"))
    ganymede("runs", "timeline", RUN, "-l", "3", "-o", str(tmp_path / "s.WEBP"))

    assert listed.stdout.splitlines()[1] == "5\tmine@1"
    assert "3 checkpoints are gone" in listed.stderr
    assert [request.query["format"] for request in contract.seen] == [["json"], ["png"], ["webp"]]
    assert (contract.seen[0].query["seed"], contract.seen[2].query["label"]) == (["7"], ["3"])
    assert (tmp_path / "s.WEBP").read_bytes() == b"PICTURE"


def log(*parts: tuple[str, int]) -> list[Answer]:
    return [Answer(text, headers={"Next-Offset": str(offset)}) for text, offset in parts]


def test_a_log_is_read_to_its_end(contract: Contract, ganymede: Ganymede) -> None:
    contract.on("GET", f"/train/{RUN}/log", *log(("one\n", 4), ("two\n", 8), ("", 8)))

    done = ganymede("runs", "log", RUN)

    assert done.stdout == "one\ntwo\n"
    assert [request.query["after"] for request in contract.seen] == [["0"], ["4"], ["8"]]


def test_a_log_is_followed_to_the_end_of_the_run(
    contract: Contract, ganymede: Ganymede, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "LOOK_EVERY_S", 0.01)
    contract.on("GET", f"/train/{RUN}/log", *log(("one\n", 4), ("", 4), ("two\n", 8), ("three\n", 14), ("", 14)))
    running, over = Answer(run_body()), Answer(run_body(status="failed"))
    contract.on("GET", f"/train/{RUN}", running, running, over)

    done = ganymede("runs", "log", RUN, "--follow")

    assert done.stdout == "one\ntwo\nthree\n"


def test_a_log_may_begin_with_its_last_lines(contract: Contract, ganymede: Ganymede) -> None:
    contract.on("GET", f"/train/{RUN}/log", Answer("last\n"))

    assert ganymede("runs", "log", RUN, "--tail", "1").stdout == "last\n"
    assert contract.seen[0].query == {"tail": ["1"]}
