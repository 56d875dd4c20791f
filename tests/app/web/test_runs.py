"""The pure functions of the views of a run: curves, marks on them, the form of a new one."""

import datetime as dt
from typing import Any

import pytest
from pydantic import BaseModel

from ganymede.schemas.specs import LimitSpec, PublishSpec, RunSpec, StopSpec, TrainConfig
from models.auto import request_schema
from tests.app.web.conftest import Call

HISTORY = {"x": "step", "columns": ["a", "b"], "data": [[1, 2], [10, None], [5, 6]], "attempts": [], "branches": []}


def test_newer_points_come_behind_the_old_ones_also_in_columns_that_only_one_of_both_has(call: Call) -> None:
    more = {**HISTORY, "columns": ["b", "c"], "data": [[3], [7], [9]]}

    grown = call("lib/curves", "appended", HISTORY, more)

    assert grown["columns"] == ["a", "b", "c"]
    assert grown["data"] == [[1, 2, 3], [10, None, None], [5, 6, 7], [None, None, 9]]


def test_a_new_attempt_or_branch_means_that_all_is_asked_for_again(call: Call) -> None:
    attempts, branches = [{"attempt": 2, "first_step": 1}], [{"branch": 1, "first_step": 1, "last_step": 2, "cut": 0}]

    assert call("lib/curves", "isBroken", HISTORY, HISTORY) is False
    assert call("lib/curves", "isBroken", HISTORY, {**HISTORY, "attempts": attempts}) is True
    assert call("lib/curves", "isBroken", HISTORY, {**HISTORY, "branches": branches}) is True


def told(step: int, attempt: int = 1, **metrics: float) -> dict[str, Any]:
    """A point as the stream tells it."""
    at = f"2026-01-01T00:00:{step:02}Z"
    return {"branch": 0, "attempt": attempt, "step": step, "images_seen": 8 * step, "at": at, "metrics": metrics}


def test_points_of_the_stream_come_behind_what_was_asked_for_once_each(call: Call) -> None:
    known = {**HISTORY, "attempts": [{"attempt": 1, "first_step": 1}], "branches": [{"branch": 0, "first_step": 1}]}
    points = [told(2, a=9), told(3, a=11), told(3, a=12), told(4, c=1), told(5, attempt=2, a=13)]

    grown = call("lib/curves", "withTold", known, points)
    over_time = call("lib/curves", "withTold", {**known, "x": "time", "data": [[1], [10], [5]]}, points[1:2])

    assert grown["columns"] == ["a", "b", "c"]
    assert grown["data"] == [[1, 2, 3, 4], [10, None, 11, None], [5, 6, None, None], [None, None, None, 1]]
    assert over_time["data"][0] == [1, dt.datetime(2026, 1, 1, 0, 0, 3, tzinfo=dt.UTC).timestamp()]
    assert [call("lib/curves", "isBeyond", known, point) for point in points] == [False] * 4 + [True]


def test_smoothing_is_a_mean_that_begins_where_the_curve_does_and_keeps_gaps(call: Call) -> None:
    assert call("lib/curves", "smoothed", [4, None, 4, 4], 0.9) == pytest.approx([4, None, 4, 4])
    assert call("lib/curves", "smoothed", [0, 1], 0.5) == pytest.approx([0, 2 / 3])
    assert call("lib/curves", "smoothed", [3, 1], 0) == [3, 1]


@pytest.mark.parametrize(
    ("values", "x", "index"), [([], 1, -1), ([5], 9, 0), ([0, 10, 20], 14, 1), ([0, 10, 20], 15, 1), ([0, 10], -3, 0)]
)
def test_the_nearest_is_found(call: Call, values: list[int], x: int, index: int) -> None:
    assert call("lib/curves", "nearest", values, x) == index


def test_what_happened_becomes_marks_and_what_says_nothing_of_the_course_does_not(call: Call) -> None:
    events = [
        ("action", {"action": "recipe_chosen", "recipe": "cgan", "reason": "small"}),
        ("diagnosis", {"verdict": "exploding", "summary": "far beyond", "step": 90, "since_step": 60}),
        ("action", {"action": "rolled_back", "from_step": 95, "step": 50, "branch": 1, "reason": "nan"}),
        ("published", {"model": "m", "version": 3, "step": 120}),
        ("log", {"level": "warning", "message": "hm"}),
        ("end", {"status": "failed", "step": 130}),
    ]
    told = [
        {"id": i, "type": kind, "at": "2026-01-01T00:00:00Z", "data": data} for i, (kind, data) in enumerate(events)
    ]

    marks = call("lib/marks", "marksOf", told)

    assert [(m["step"], m["tone"]) for m in marks] == [(60, "warn"), (95, "warn"), (120, "good"), (130, "bad")]
    assert "step 95 to step 50" in marks[1]["text"]


@pytest.mark.parametrize(
    ("gone", "omitted", "words"),
    [
        (0, [], "Every checkpoint"),
        (1, [], "1 checkpoint of other steps is gone"),
        (3, [5], "1 step between is left out"),
    ],
)
def test_a_timeline_tells_what_is_not_there(call: Call, gone: int, omitted: list[int], words: str) -> None:
    body = {"num_gone": gone, "omitted_steps": omitted, "label_name": None}

    assert words in call("lib/timeline", "goneWords", body)


SCORED = {**HISTORY, "columns": ["fd", "kid"], "data": [[5, 10, 15, 20, 25], [None] * 5, [3, None, 2, 2, 4]]}


def test_evaluations_are_the_points_of_the_score_that_runs_are_judged_by(call: Call) -> None:
    found = call("lib/patience", "evaluationsOf", SCORED)

    assert (found["metric"], [point["step"] for point in found["points"]]) == ("kid", [5, 15, 20, 25])
    assert call("lib/patience", "evaluationsOf", HISTORY) == {"metric": None, "points": []}
    assert call("lib/patience", "bestSoFar", found["points"]) == [3, 2, 2, 2]


@pytest.mark.parametrize(("branches", "count"), [([], 2), ([{"first_step": 1}, {"first_step": 22}], 1)])
def test_as_good_is_no_better_and_a_run_that_went_back_counts_anew(
    call: Call, branches: list[dict[str, int]], count: int
) -> None:
    points = call("lib/patience", "evaluationsOf", SCORED)["points"]

    assert call("lib/patience", "withoutBetter", points, branches) == count


@pytest.mark.parametrize(("patience", "step"), [(1, 20), (2, 25), (3, None)])
def test_patience_ends_with_the_last_of_so_many_evaluations_in_a_row(call: Call, patience: int, step: int) -> None:
    points = call("lib/patience", "evaluationsOf", SCORED)["points"]

    assert (call("lib/patience", "endOf", points, patience) or {"step": None})["step"] == step


@pytest.mark.parametrize(
    ("fakes", "distances", "tone"), [(5.0, [2, 3], "good"), (5.0, [0.5, 3], "warn"), (3.0, [0.5, 0.6], "bad")]
)
def test_distances_are_judged_by_those_of_real_pictures(
    call: Call, fakes: float, distances: list[float], tone: str
) -> None:
    reals = {"count": 9, "least": 1.0, "fifth_percentile": 2.0, "median": 5.0}
    body = {"pairs": [{"distance": one} for one in distances], "fakes": {**reals, "median": fakes}, "reals": reals}

    assert call("lib/copies", "verdictOf", body)["tone"] == tone


def test_a_pair_is_found_on_the_sheet(call: Call) -> None:
    places = [call("lib/copies", "placeOf", i, 2, 3)["position"] for i in range(3)]

    assert places == ["0% 0%", "100% 0%", "0% 100%"]
    assert call("lib/copies", "placeOf", 0, 1, 1) == {"size": "100% 100%", "position": "0% 0%"}


def test_curves_of_several_runs_lie_over_every_x_that_one_of_them_has(call: Call) -> None:
    other = {**HISTORY, "columns": ["b"], "data": [[2, 3], [7, 8]]}
    without = {**HISTORY, "columns": ["c"], "data": [[9], [1]]}

    found = call("lib/compare", "overlaid", [HISTORY, other, without], "b")

    assert found == {"x": [1, 2, 3], "values": [[5, 6, None], [None, 7, 8], [None, None, None]]}


def test_times_of_several_runs_count_from_the_first_point_of_each(call: Call) -> None:
    early, late = [{**HISTORY, "x": "time", "data": [[at, at + 2], [1, 2], [3, 4]]} for at in (1000, 5000)]

    assert call("lib/compare", "overlaid", [early, late], "a") == {"x": [0, 2], "values": [[1, 2], [1, 2]]}


def test_options_differ_where_their_values_do_also_inside_and_where_one_has_none(call: Call) -> None:
    common = {"recipe": "cgan", "dataset": "d", "model": "m", "init": None, "limits": {}, "stop": {"patience": None}}
    one = {**common, "resolved": {"steps": 5, "betas": [0, 1], "network": {"width": 4}}}
    other = {**common, "resolved": {"steps": 5, "betas": [0, 2], "network": {"width": 8}, "r1": 1}}

    rows = {row["name"]: row for row in call("lib/compare", "rowsOf", [one, other])}

    assert {name for name, row in rows.items() if row["differs"]} == {"betas", "width", "r1"}
    assert rows["r1"]["values"] == [None, 1]


@pytest.mark.parametrize(("step", "found"), [(5, (10, 0)), (20, (20, 1)), (29, (20, 1)), (99, (30, 0))])
def test_beside_a_grid_lies_the_newest_that_is_not_later(call: Call, step: int, found: tuple[int, int]) -> None:
    samples = [{"step": s, "branch": b} for s, b in ((10, 0), (20, 0), (30, 0), (20, 1))]

    at = call("lib/compare", "gridAt", samples, step)

    assert (at["step"], at["branch"]) == found
    assert call("lib/compare", "gridAt", [], step) is None


def test_runs_are_marked_each_once_and_no_more_than_there_are_colours(call: Call) -> None:
    assert call("lib/compare", "idsOf", " a,b,,a,c") == ["a", "b", "c"]
    assert call("lib/compare", "toggled", ["a", "b"], "a") == "b"
    assert call("lib/compare", "toggled", ["a"], "a") is None
    assert call("lib/compare", "toggled", list("abcdef"), "g") == "a,b,c,d,e,f"


SECTIONS: dict[str, type[BaseModel]] = {"config": TrainConfig, "publish": PublishSpec, "stop": StopSpec}
SECTIONS["limits"] = LimitSpec
SCHEMA = request_schema(on_gpu=False)


def test_a_form_has_a_field_for_all_that_can_be_asked_of_a_training(call: Call) -> None:
    fields = {field["path"]: field for field in call("lib/form", "fieldsOf", SCHEMA)}

    for section, kind in SECTIONS.items():
        assert {f"{section}.{name}" for name in kind.model_fields} <= fields.keys()
    assert {"dataset", "recipe", "model", "name", "init", "seed"} <= fields.keys()
    kinds = [fields[path]["kind"] for path in ("config.steps", "config.beta1", "config.augment", "config.conditional")]
    assert kinds == ["integer", "number", "choice", "yes or no"]
    assert fields["config.augment_policy"]["kind"] == "list"


def test_a_request_that_is_made_of_a_form_is_one_and_leaves_out_what_is_empty(call: Call) -> None:
    texts = {
        "dataset": "shapes", "recipe": "auto", "name": " mine ", "seed": "3", "config.steps": "100", "config.width": "",
        "config.generator_lr": "1e-4", "config.conditional": "false", "config.augment_policy": "flip, colour",
        "stop.on": "mode_collapse,stalled", "limits.max_duration": "180",
    }  # fmt: skip

    body = call("lib/form", "bodyOf", call("lib/form", "fieldsOf", SCHEMA), texts)

    spec = RunSpec.model_validate(body)
    assert (spec.dataset, spec.name, spec.seed, spec.limits.max_duration) == ("shapes", "mine", 3, 180)
    assert body["config"] == {
        "steps": 100,
        "generator_lr": 0.0001,
        "conditional": False,
        "augment_policy": ["flip", "colour"],
    }
    assert "recipe" not in body


def test_what_is_no_number_reaches_the_service_as_it_was_typed(call: Call) -> None:
    fields = call("lib/form", "fieldsOf", SCHEMA)

    assert call("lib/form", "bodyOf", fields, {"config.steps": "many"}) == {"config": {"steps": "many"}}


def test_errors_are_found_by_the_path_of_their_field(call: Call) -> None:
    errors = [
        {"pointer": "/config/steps", "detail": "a"},
        {"pointer": "/stop/on/0", "detail": "b"},
        {"pointer": "/dataset", "detail": "c"},
        {"pointer": "/config/steps", "detail": "d"},
    ]

    assert call("lib/form", "errorsByPath", errors) == {"config.steps": "a; d", "stop.on": "b", "dataset": "c"}


def test_a_form_that_is_filled_from_a_run_asks_for_what_that_run_was_asked_for(call: Call) -> None:
    run = {
        "dataset": "shapes", "recipe": "cgan", "recipe_reason": None, "model": "m", "name": None, "init": None,
        "config": {"steps": 5, "augment_policy": ["flip"]}, "stop": {"action": "alert", "on": []},
        "limits": {"max_images": None, "max_duration": 60}, "resolved": {"seed": 7, "processes": 2},
        "publish": {"every_steps": 9, "final": "last", "keep": 3},
    }  # fmt: skip

    body = call("lib/form", "bodyOf", call("lib/form", "fieldsOf", SCHEMA), call("lib/form", "textsOf", run))

    assert body["config"] == run["config"]
    assert (body["recipe"], body["model"], body["limits"]) == ("cgan", "m", {"max_duration": 60})
    assert body["stop"] == {"action": "alert"}
    assert (body["publish"], body["seed"], body["resources"]) == (run["publish"], 7, {"processes": 2})
