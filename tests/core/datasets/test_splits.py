"""Where the classes are in a tree of folders: below splits and wrapping folders, beside whatever else lies there."""

import pytest

from tests.core.datasets.conftest import Build
from tests.uploads import plain, zipped


def tree(*paths: str) -> bytes:
    return zipped((f"{path}.png", plain((i, 0, 0))) for i, path in enumerate(paths))


def classes_of(*folders: str) -> list[str]:
    """Two pictures of cats and two of dogs in each of these folders."""
    return [f"{folder}/{name}/{i}" for folder in folders for name in ("cat", "dog") for i in range(2)]


@pytest.mark.parametrize(
    "splits",
    [
        ("train", "test"),
        ("train", "val", "test"),
        ("Training", "Validation"),
        ("TRAIN", "valid", "eval"),
        ("training_set", "test_set"),
        ("train2017", "val2017"),
        ("dev", "holdout"),
        ("pets/train", "pets/test"),
        ("pets/data/train/images", "pets/data/test/images"),
        ("train/train_images", "test/test_images"),
    ],
)
def test_splits_above_the_classes_are_joined_and_told(take: Build, splits: tuple[str, ...]) -> None:
    built = take(tree(*classes_of(*splits)))

    assert built.content.class_names == ("cat", "dog")
    assert (built.report.taken, built.report.bad) == (4 * len(splits), 0)
    assert "were joined; they are no classes" in built.report.to_body().notes[0]


def test_splits_below_the_classes_are_no_classes(take: Build) -> None:
    built = take(tree("cat/train/1", "cat/test/1", "dog/train/1", "dog/test/1"))

    assert built.content.class_names == ("cat", "dog")


@pytest.mark.parametrize("names", [("train", "car", "bus"), ("test", "control"), ("valid", "invalid"), ("dev", "prod")])
def test_a_class_that_has_the_name_of_a_split_stays_a_class(take: Build, names: tuple[str, ...]) -> None:
    assert take(tree(*(f"{name}/{i}" for name in names for i in range(2)))).content.class_names == tuple(sorted(names))


def test_splits_without_folders_within_are_joined_to_pictures_without_classes(take: Build) -> None:
    built = take(tree("train/1", "train/2", "test/1"))

    assert (built.content.class_names, built.report.taken) == ((), 3)
    assert "the splits test (1), train (2) were joined" in built.report.to_body().notes[0]


def test_a_split_without_classes_beside_one_with_them_is_named(take: Build) -> None:
    built = take(tree(*classes_of("train"), "test/1", "test/2"))

    assert built.content.class_names == ("cat", "dog")
    assert {bad.name for bad in built.report.to_body().bad_files} == {"test/1.png", "test/2.png"}


@pytest.mark.parametrize("wrapper", ["pets", "a/b/pets", "train"])
@pytest.mark.parametrize(
    "stray",
    ["docs/figure", "README/1", "samples/1", "extra/1", "docs/img/1", "cover", "preview/a/1"],
)
def test_a_stray_folder_or_file_does_not_hide_the_classes(take: Build, wrapper: str, stray: str) -> None:
    built = take(tree(*classes_of(wrapper), f"{wrapper.rpartition('/')[0]}/{stray}".lstrip("/")))

    assert built.content.class_names == ("cat", "dog")
    assert (built.report.taken, built.report.bad) == (4, 1)
    assert "lies" in built.report.to_body().bad_files[0].reason


@pytest.mark.parametrize(
    "stray",
    [
        "@eaDir",
        "$RECYCLE.BIN",
        "__MACOSX",
        ".thumbnails",
        "System Volume Information",
        "lost+found",
        "#recycle",
        ".git",
    ],
)
@pytest.mark.parametrize("where", ["", "pets/", "pets/cat/"])
def test_what_systems_leave_behind_is_ignored_at_every_level(take: Build, stray: str, where: str) -> None:
    built = take(tree(*classes_of("pets"), f"{where}{stray}/1", f"{where}{stray}/cat/1"))

    assert built.content.class_names == ("cat", "dog")
    assert (built.report.taken, built.report.bad, built.report.ignored) == (4, 0, 2)


def test_a_stray_folder_does_not_hide_the_splits(take: Build) -> None:
    built = take(tree(*classes_of("train", "test"), "docs/1", "unlabeled/1", "unlabeled/2", "cover"))

    assert built.content.class_names == ("cat", "dog")
    assert {bad.reason for bad in built.report.to_body().bad_files} == {"lies beside the folders of the splits"}


def test_a_readme_beside_the_classes_is_no_class(take: Build) -> None:
    assert take(tree("cat/1", "dog/1", "README/1")).content.class_names == ("cat", "dog")


def test_classes_with_folders_within_stay_classes_beside_those_without(take: Build) -> None:
    paths = ["cat/1", "cat/2", "cat/3", "dog/puppies/1", "dog/adults/1", "bird/a/1", "bird/b/1"]

    assert take(tree(*paths)).content.class_names == ("bird", "cat", "dog")
    assert take(tree(*paths[:5])).content.class_names == ("cat", "dog")
