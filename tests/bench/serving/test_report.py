"""Ratios and tables from a result whose numbers can be checked by hand."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from bench.machine import slug
from bench.serving import report
from bench.serving.__main__ import medians
from bench.serving.page import page


def figures(rate: float, p50: float, p99: float, n: int = 1) -> dict[str, Any]:
    return {
        "requests_per_s": rate,
        "images_per_s": rate * n,
        "p50_ms": p50,
        "p90_ms": p50,
        "p99_ms": p99,
        "max_ms": p99,
        "bytes_per_request": 1000.0,
        "rounds_requests_per_s": [rate],
    }


RESULT: dict[str, Any] = {
    "schema": 1,
    "date": "2030-01-02",
    "revision": "abc",
    "machine": {"cpu": "Some CPU (R) 9", "cores": 2, "torch": "2.13.0", "python": "3.11.7", "system": "Linux"},
    "versions": {"mosec": "0.9.8"},
    "seconds": 5.0,
    "rounds": 3,
    "rate": 100.0,
    "agreement": {"Ganymede": 0, "mosec": 1},
    "cells": {
        "n1-c1": {"Ganymede": figures(200, 5, 6), "mosec": figures(100, 10, 11)},
        "n1-c64": {
            "Ganymede": figures(900, 60, 90),
            "constant PNG": figures(4000, 9, 20),
            "mosec": figures(600, 80, 99),
        },
        "n64-c16": {"Ganymede": figures(20, 700, 800, n=64)},
        "n64-npy-c16": {"Ganymede": figures(25, 600, 700, n=64)},
        "same-c64": {"Ganymede": figures(3000, 20, 30)},
        "known-c64": {"Ganymede": figures(3600, 18, 30)},
    },
    "limits": {
        "float32, batch 32": 1000.0,
        "bfloat16 channels_last, batch 64": 1600.0,
        "bfloat16 as served, batch 32": 1900.0,
        "bfloat16 as served, batch 64": 2000.0,
    },
    "overload": {
        "seconds": 60.0,
        "peak_per_s": 20.0,
        "offered_per_s": 200.0,
        "goodput_per_s": 19.0,
        "goodput_of_peak": 0.95,
        "p50_ms": 4000.0,
        "p99_ms": 9000.0,
        "codes": {"200": 1140, "429": 10860},
        "unanswered": 0,
        "refused_with_retry_after": 1.0,
        "draws_afterwards": True,
        "sent_late_p99_ms": 1.0,
    },
    "failed": [],
}


def test_the_ratios_are_ours_over_theirs() -> None:
    found = dict(report.criteria(RESULT))

    assert found["requests/s, 1 image, 64 connections: ours / mosec"] == "1.50"
    assert found["p50, 1 image, 1 connection: ours / mosec (below 1: ours is faster)"] == "0.50"
    assert found["p99 / p50 of ours, 1 image, 64 connections"] == "1.50"
    assert found["requests/s of a 304, 64 connections: ours / the constant PNG"] == "90.0%"
    assert found["requests/s of a cached image, 64 connections: ours / the constant PNG"] == "75.0%"
    assert found["goodput at 10 times the capacity / peak"] == "95.0%"


def test_large_requests_are_held_against_the_fastest_bare_pass_of_each_form() -> None:
    found = [(text, value) for text, value in report.criteria(RESULT) if "bare" in text]

    assert [value for _, value in found] == ["160.0%", "100.0%", "80.0%", "128.0%", "80.0%", "64.0%"]
    assert all("batch 64" in text for text, _ in found if "bfloat16" in text)


def test_a_share_of_the_bare_pass_is_taken_in_each_round_where_all_rounds_were_measured() -> None:
    way = "bfloat16 as served, batch 64"
    measured = {**figures(20, 1, 1, n=64), "rounds_requests_per_s": [10.0, 20.0, 40.0]}
    result = {"limits": {way: 2000.0}, "rounds_limits": {way: [1280, 1600, 2560]}}
    failed = {**measured, "rounds_requests_per_s": [20.0, 40.0]}

    assert report.share_of_limit(result, measured, way) == pytest.approx(0.8)  # of 0.5, 0.8 and 1.0
    assert report.share_of_limit(result, failed, way) == pytest.approx(20 * 64 / 2000)


def test_what_was_not_measured_is_left_out_and_not_made_up() -> None:
    less = copy.deepcopy(RESULT)
    less["cells"] = {"n1-c1": {"mosec": figures(1, 1, 1)}}
    less["limits"], less["overload"] = {}, None

    assert report.criteria(less) == []
    assert "nothing of it was measured" in report.text(less)


def test_the_median_of_the_rounds_counts_and_each_round_is_shown() -> None:
    rounds = [figures(100, 5, 9), figures(300, 6, 8), figures(110, 4, 70)]

    merged = medians(rounds)

    assert (merged["requests_per_s"], merged["p50_ms"], merged["p99_ms"]) == (110, 5, 9)
    assert merged["rounds_requests_per_s"] == [100, 300, 110]


def test_a_failure_is_in_the_report() -> None:
    broken = {**RESULT, "failed": ["mosec, n64-c64: these failed: {'timeout': 3}\nmore"]}

    assert "FAILED" in report.text(broken)
    assert "mosec, n64-c64: these failed: {'timeout': 3}" in report.markdown(broken)


def test_the_page_has_every_result_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "serving-a.json").write_text(json.dumps(RESULT))
    (tmp_path / "serving-b.json").write_text(json.dumps({**RESULT, "machine": {**RESULT["machine"], "cpu": "Other"}}))

    written = page(tmp_path)

    assert "## Some CPU (R) 9, 2 cores" in written
    assert "## Other, 2 cores" in written
    assert "| mosec | 600 | 600 | 80.0 | 99.0 | 600 |" in written


@pytest.mark.parametrize(("value", "shown"), [(None, "-"), (1234.5, "1,234"), (12.34, "12.3"), (0.123, "0.12")])
def test_numbers_show_three_digits(value: float | None, shown: str) -> None:
    assert report.number(value) == shown


def test_a_machine_has_a_file_name() -> None:
    assert slug(RESULT["machine"]) == "some-cpu-r-9-2-cores"
    assert slug({**RESULT["machine"], "instructions": "AVX512"}) == "some-cpu-r-9-avx512-2-cores"
