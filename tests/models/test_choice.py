"""The rule for a recipe that was left out: how a row is found, what is told, what it becomes. Not which row is best."""

from dataclasses import fields, replace
from itertools import product
from typing import Any

import pytest

from core.datasets.manifest import DatasetManifest
from core.errors import InvalidRequest
from ganymede.schemas.specs import RunSpec
from models import choice
from models.choice import Choice, ChoiceRule, Situation, are_few, choose, in_words
from models.recipes import RECIPES, Recipe
from models.resolution import resolve
from tests.manifests import changed
from tests.models.test_recipes import DATASET

MIDDLE = Situation(size=64, channels=3, is_labelled=True, count=10_000, on_gpu=False)
SIZES, COUNTS = (8, 28, 64, 128, 512), (2, 63, 2_000, 12_000, 60_000, 10**7)
SITUATIONS = [
    Situation(size, channels, is_labelled, count, on_gpu)
    for size, channels, is_labelled, count, on_gpu in product(SIZES, (1, 3), (False, True), COUNTS, (False, True))
]


def dataset_of(found: Situation, **changes: Any) -> DatasetManifest:
    side: dict[str, Any] = {"height": found.size, "width": found.size, "channels": found.channels, "count": found.count}
    names = ["a", "b"] if found.is_labelled else []
    return changed(DATASET, **side, class_names=names, **changes)


def left_out(**body: Any) -> RunSpec:
    return RunSpec.model_validate({"dataset": "digits", **body})


def table(monkeypatch: pytest.MonkeyPatch, *rows: ChoiceRule) -> None:
    monkeypatch.setattr(choice, "TABLE", rows)


@pytest.mark.parametrize(
    ("condition", "fitting", "other"),
    [
        ({"on_gpu": True}, {"on_gpu": True}, {"on_gpu": False}),
        ({"on_gpu": False}, {"on_gpu": False}, {"on_gpu": True}),
        ({"is_labelled": True}, {"is_labelled": True}, {"is_labelled": False}),
        ({"is_labelled": False}, {"is_labelled": False}, {"is_labelled": True}),
        ({"is_colour": True}, {"channels": 3}, {"channels": 1}),
        ({"is_colour": False}, {"channels": 1}, {"channels": 3}),
        ({"is_few": True}, {"count": 6_399}, {"count": 6_400}),
        ({"is_few": False}, {"count": 6_400}, {"count": 6_399}),
        ({"least_size": 64}, {"size": 64}, {"size": 56}),
        ({"most_size": 64}, {"size": 64}, {"size": 112}),
        ({"least_count": 10}, {"count": 10}, {"count": 9}),
        ({"most_count": 10}, {"count": 10}, {"count": 11}),
    ],
)
def test_a_row_is_found_by_its_conditions(
    condition: dict[str, Any], fitting: dict[str, Any], other: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    table(monkeypatch, ChoiceRule(recipe="cgan", why="so", **condition), ChoiceRule(recipe="vae", why="else"))

    assert choose(replace(MIDDLE, **fitting)).recipe == "cgan"
    assert choose(replace(MIDDLE, **other)).recipe == "vae"


def test_all_conditions_of_a_row_have_to_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    table(
        monkeypatch,
        ChoiceRule(recipe="cgan", why="so", is_colour=True, least_size=64),
        ChoiceRule(recipe="vae", why="else"),
    )

    assert choose(MIDDLE).recipe == "cgan"
    assert choose(replace(MIDDLE, channels=1)).recipe == choose(replace(MIDDLE, size=32)).recipe == "vae"


def test_the_first_row_that_fits_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    table(monkeypatch, *(ChoiceRule(recipe=name, why="so", is_colour=True) for name in ("cgan", "sngan")))

    assert choose(MIDDLE).recipe == "cgan"


def test_a_reason_tells_the_conditions_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    row = ChoiceRule(recipe="cgan", why="it is quick", on_gpu=False, is_few=False, least_size=64, most_count=20_000)
    table(monkeypatch, row, ChoiceRule(recipe="vae", why="it is sure"))

    assert choose(MIDDLE) == Choice(
        "cgan",
        "on a CPU, at least 100 images for each pixel of a side, at least 64 px, at most 20,000 images: it is quick",
    )
    assert choose(replace(MIDDLE, size=32)).reason == "it is sure"
    assert in_words().startswith(f"{row.when}: cgan; else: vae; ")


@pytest.mark.parametrize("row", choice.TABLE, ids=lambda row: row.when or "else")
def test_a_row_names_a_recipe_there_is_and_numbers_that_it_has(row: ChoiceRule) -> None:
    assert row.recipe in RECIPES
    assert row.why
    assert row.numbers.keys() <= {each.name for each in fields(Recipe)}


@pytest.mark.parametrize("found", SITUATIONS, ids=str)
def test_whatever_the_pictures_are_there_is_a_recipe_that_can_draw_them(found: Situation) -> None:
    resolved = resolve(left_out(), dataset_of(found), "cuda" if found.on_gpu else "cpu")

    chosen = choose(found)
    assert (resolved.recipe, resolved.recipe_reason) == (chosen.recipe, chosen.reason)
    assert resolved.batch_size <= found.count


def test_it_is_the_same_run_as_one_that_names_the_recipe_but_for_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    table(monkeypatch, ChoiceRule(recipe="sngan", why="so"))
    chosen = resolve(left_out(config={"steps": 7}), DATASET)

    named = resolve(left_out(recipe=chosen.recipe, config={"steps": 7}), DATASET)
    assert named == chosen.changed(recipe_reason=None)
    assert resolve(left_out(recipe="auto", config={"steps": 7}), DATASET) == chosen


def test_a_row_may_have_other_numbers_than_its_recipe_and_what_was_asked_for_goes_before_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table(monkeypatch, ChoiceRule(recipe="cgan", why="so", numbers={"batch_size": 8, "latent_dim": 5, "width": 32}))

    resolved = resolve(left_out(config={"width": 64}), DATASET)
    small = resolve(left_out(), changed(DATASET, count=3))

    assert [resolved.batch_size, resolved.latent_dim, resolved.width] == [8, 5, 64]
    assert small.batch_size == 3


def test_who_wants_no_labels_learnt_gets_the_recipe_of_pictures_without(monkeypatch: pytest.MonkeyPatch) -> None:
    table(monkeypatch, ChoiceRule(recipe="cgan", why="so", is_labelled=True), ChoiceRule(recipe="dcgan", why="else"))

    assert resolve(left_out(), DATASET).recipe == "cgan"
    assert resolve(left_out(config={"conditional": False}), DATASET).recipe == "dcgan"
    with pytest.raises(InvalidRequest, match="needs labels") as refused:
        resolve(left_out(config={"conditional": True}), changed(DATASET, class_names=[]))
    assert [problem.pointer for problem in refused.value.problems] == ["/dataset"]


@pytest.mark.parametrize(
    ("recipe", "config", "others"),
    [
        ("sngan", {"penalty_weight": 1.0}, "an option of wgan-gp, r3gan"),
        ("sngan", {"likelihood": "gaussian"}, "an option of vae"),
        ("vae", {"n_critic": 2}, "an option of gan, dcgan"),
        ("vae", {"augment": "ada"}, "an option of gan, dcgan"),
        ("vae", {"augment_policy": ["flip"]}, "an option of gan, dcgan"),
        ("wgan-gp", {"augment": "ada"}, "diffaugment"),
    ],
)
def test_an_option_that_means_nothing_to_what_was_chosen_is_refused_with_the_choice_and_its_reason(
    recipe: str, config: dict[str, Any], others: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table(monkeypatch, ChoiceRule(recipe=recipe, why="it is sure"))

    with pytest.raises(InvalidRequest) as refused:
        resolve(left_out(config=config), DATASET)

    [problem] = refused.value.problems
    assert problem.pointer == f"/config/{next(iter(config))}"
    assert f"{recipe}, which auto chose (it is sure)," in problem.detail
    assert others in problem.detail


@pytest.mark.parametrize(
    ("dataset", "told"),
    [
        ({"width": 32}, "every recipe draws square images of 8 to 512 px"),
        ({"height": 30, "width": 30}, "these are 30x30"),
        ({"count": 1}, "one image is too few to learn from"),
    ],
)
def test_pictures_that_no_recipe_draws_are_refused_as_such(dataset: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidRequest, match=told) as refused:
        resolve(left_out(), changed(DATASET, **dataset))

    assert [problem.pointer for problem in refused.value.problems] == ["/dataset"]


@pytest.mark.parametrize("name", ["Auto", "auto ", "AUTO", "automatic"])
def test_another_word_is_no_recipe_and_the_refusal_tells_of_auto(name: str) -> None:
    with pytest.raises(InvalidRequest, match="; auto chooses one"):
        resolve(left_out(recipe=name), DATASET)


def test_pictures_are_few_by_the_pixels_of_a_side() -> None:
    assert [are_few(count, 28) for count in (2_799, 2_800)] == [True, False]
