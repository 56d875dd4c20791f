"""The numbers of the recipe ssgan: its networks, its labels, and what is refused at which field."""

from typing import Any

import pytest

from models.resolution import resolve
from tests.manifests import changed
from tests.models.test_recipes import DATASET, problems, spec


@pytest.mark.parametrize(
    ("config", "sizes", "kind", "batch_size"),
    [
        ({}, {}, "mlp", 100),
        ({}, {"channels": 3}, "dcgan", 64),
        ({}, {"height": 64, "width": 64}, "dcgan", 64),
        ({"architecture": "mlp"}, {"channels": 3}, "mlp", 100),
        ({"architecture": "dcgan"}, {}, "dcgan", 64),
    ],
)
def test_a_classifier_of_large_or_coloured_pictures_has_convolutions_unless_told_otherwise(
    config: dict[str, str], sizes: dict[str, int], kind: str, batch_size: int
) -> None:
    resolved = resolve(spec("ssgan", config=config), changed(DATASET, **sizes))

    assert (resolved.architecture, resolved.batch_size) == (f"{kind}-classifier", batch_size)
    assert resolved.network.num_classes == 10


def test_labels_that_are_all_learnt_from_are_not_mentioned() -> None:
    assert "labels_per_class" not in resolve(spec("ssgan"), DATASET).to_json()
    assert resolve(spec("ssgan", config={"labels_per_class": 10}), DATASET).labels_per_class == 10


@pytest.mark.parametrize(
    ("recipe", "config", "dataset", "pointers"),
    [
        ("cgan", {"labels_per_class": 5}, {}, ["/config/labels_per_class"]),
        ("cgan", {"architecture": "mlp"}, {}, ["/config/architecture"]),
        ("ssgan", {"labels_per_class": 32, "architecture": "dcgan"}, {}, []),
        ("ssgan", {"labels_per_class": 1001}, {}, ["/config/labels_per_class"]),
        ("ssgan", {"extractor": "classifier"}, {}, ["/config/extractor"]),
        ("ssgan", {"extractor": "none"}, {}, []),
        ("ssgan", {"mode_seeking": 1.0}, {}, ["/config/mode_seeking"]),
        ("ssgan", {"batch_size": 80}, {"count": 100}, []),
        ("ssgan", {"batch_size": 81}, {"count": 100}, ["/config/batch_size"]),
        ("ssgan", {"conditional": False}, {}, ["/config/conditional"]),
        ("ssgan", {}, {"class_names": []}, ["/dataset"]),
        ("ssgan", {}, {"class_names": ["one"]}, ["/dataset"]),
    ],
)
def test_what_does_not_fit_a_classifier_is_named_by_its_field(
    recipe: str, config: dict[str, Any], dataset: dict[str, Any], pointers: list[str]
) -> None:
    assert problems(spec(recipe, config=config), **dataset) == pointers


def test_a_small_dataset_is_learnt_from_in_one_batch_without_what_is_held_out() -> None:
    assert resolve(spec("ssgan"), changed(DATASET, count=60)).batch_size == 48
