"""Arrays as other tools name and lay them out: what is unambiguous is taken, and a refusal lists what is there."""

import io
from typing import Any

import numpy as np
import pytest

from core.errors import InvalidRequest
from tests.core.datasets.conftest import LIMITS, Build
from tests.uploads import npz, zipped

RNG = np.random.default_rng(0)
TRAIN, VAL, TEST = (RNG.integers(0, 256, (count, 16, 16), np.uint8) for count in (6, 4, 3))
TRAIN_Y, VAL_Y, TEST_Y = (np.arange(count) % 2 for count in (6, 4, 3))
ALL, ALL_Y = np.concatenate([TRAIN, VAL, TEST]), np.concatenate([TRAIN_Y, VAL_Y, TEST_Y]).tolist()
TWO, TWO_Y = np.concatenate([TRAIN, TEST]), np.concatenate([TRAIN_Y, TEST_Y]).tolist()
COLOURS = RNG.integers(0, 256, (6, 16, 16, 3), np.uint8)


def npy(array: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("arrays", "images", "labels"),
    [
        pytest.param({"images": TRAIN, "label": TRAIN_Y}, TRAIN, TRAIN_Y.tolist(), id="label"),
        pytest.param({"data": TRAIN, "target": TRAIN_Y}, TRAIN, TRAIN_Y.tolist(), id="scikit-learn"),
        pytest.param({"x": TRAIN, "y": TRAIN_Y}, TRAIN, TRAIN_Y.tolist(), id="x and y"),
        pytest.param({"X": TRAIN}, TRAIN, None, id="X alone"),
        pytest.param({"arr_0": TRAIN, "arr_1": TRAIN_Y}, TRAIN, TRAIN_Y.tolist(), id="arr_0"),
        pytest.param({"arr_0": TRAIN}, TRAIN, None, id="arr_0 alone"),
        pytest.param({"arr_0": TRAIN_Y, "arr_1": TRAIN}, TRAIN, TRAIN_Y.tolist(), id="the other way round"),
        pytest.param({"pixels": TRAIN, "kind": TRAIN_Y[:, None]}, TRAIN, TRAIN_Y.tolist(), id="by shape"),
        pytest.param({"x_train": TRAIN, "y_train": TRAIN_Y, "x_test": TEST, "y_test": TEST_Y}, TWO, TWO_Y, id="Keras"),
        pytest.param(
            {"x_test": TEST, "y_test": TEST_Y, "x_train": TRAIN, "y_train": TRAIN_Y}, TWO, TWO_Y, id="Keras, sorted"
        ),
        pytest.param(
            {
                **{"train_images": TRAIN, "val_images": VAL, "test_images": TEST},
                **{"train_labels": TRAIN_Y[:, None], "val_labels": VAL_Y[:, None], "test_labels": TEST_Y[:, None]},
            },
            *(ALL, ALL_Y),
            id="MedMNIST",
        ),
        pytest.param({"trainX": TRAIN, "trainY": TRAIN_Y, "testX": TEST, "testY": TEST_Y}, TWO, TWO_Y, id="trainX"),
        pytest.param(
            {"arr_0": TRAIN, "arr_1": TRAIN_Y, "arr_2": TEST, "arr_3": TEST_Y}, TWO, TWO_Y, id="four without names"
        ),
        pytest.param({"data": TRAIN.reshape(6, 256), "target": TRAIN_Y}, TRAIN, TRAIN_Y.tolist(), id="rows"),
        pytest.param(
            {"data": TRAIN.reshape(6, 256), "images": TRAIN, "target": TRAIN_Y}, TRAIN, TRAIN_Y.tolist(), id="both"
        ),
    ],
)
def test_images_and_labels_are_found_by_what_others_call_them(
    take: Build, arrays: dict[str, Any], images: Any, labels: list[int] | None
) -> None:
    content = take(npz(**arrays)).content

    assert (content.images_NHWC[..., 0] == images).all()
    assert (None if content.labels_N is None else content.labels_N.tolist()) == labels


def test_the_channels_may_come_before_the_sides(take: Build) -> None:
    planar = COLOURS.transpose(0, 3, 1, 2)

    assert (take(npz(images=planar)).content.images_NHWC == COLOURS).all()
    assert (take(npz(images=TRAIN[:, None])).content.images_NHWC[..., 0] == TRAIN).all()


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (TRAIN / 255, "images of float64: 0 is black and 1 is white"),
        ((TRAIN / 255).astype(np.float32), "images of float32: 0 is black and 1 is white"),
        (TRAIN / 127.5 - 1, "images of float64: -1 is black and 1 is white"),
        (TRAIN.astype(float), "images of float64: 0 is black and 255 is white"),
        (TRAIN.astype(np.int64), "images of int64: 0 is black and 255 is white"),
        (TRAIN.astype(np.uint16), "images of uint16: 0 is black and 255 is white"),
        (TRAIN.astype(np.uint16) * 257, "images of uint16: 0 is black and 65535 is white"),
        (TRAIN.astype(">u2") * np.uint16(257), None),
    ],
)
def test_values_of_any_type_become_256_levels_and_the_rule_is_told(take: Build, images: Any, told: str | None) -> None:
    images.reshape(-1)[:2] = images.min(), images.max()

    built = take(npz(images=images))

    low, high = float(images.min()), float(images.max())
    expected = np.rint((images.astype(float) - low) * 255 / (high - low))
    assert (built.content.images_NHWC[..., 0] == expected).all()
    if told:
        assert built.report.to_body().notes == [told]


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float32, np.int64])
def test_zeros_and_ones_are_black_and_white(take: Build, kind: type) -> None:
    content = take(npz(images=(TRAIN > 127).astype(kind))).content

    assert (content.images_NHWC[..., 0] == np.where(TRAIN > 127, 255, 0)).all()


def test_a_bare_array_is_images_and_several_are_as_one_npz(take: Build) -> None:
    alone = take(npy(TRAIN), names=("pictures.npy",))
    pair = take(npy(TRAIN_Y), npy(TRAIN), names=("y.npy", "x.npy"))

    assert (alone.content.images_NHWC[..., 0] == TRAIN).all()
    assert alone.report.to_body().kind == "npy"
    assert (pair.content.images_NHWC[..., 0] == TRAIN).all()
    assert pair.content.labels_N is not None
    assert pair.content.labels_N.tolist() == TRAIN_Y.tolist()


def test_an_array_that_is_not_taken_is_told(take: Build) -> None:
    built = take(npz(images=TRAIN, labels=TRAIN_Y, paths=np.array(["a"] * 6)))

    assert built.report.to_body().notes == ["arrays that were not taken: paths"]


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({"weights": np.zeros(5)}, r"no images in it.* Arrays: weights \(5 float64\)"),
        ({"a": TRAIN, "b": COLOURS}, r"which of its arrays are the images.*a \(6x16x16 uint8\), b \(6x16x16x3 uint8\)"),
        ({"a": TRAIN, "b": TRAIN_Y, "c": TRAIN_Y}, "which of these to take: b, c"),
        ({"x": TRAIN, "data": TRAIN}, "which of these to take: x, data"),
        ({"x_train": TRAIN, "y_train": TRAIN_Y, "x_test": TEST}, "some images have labels, and others have none"),
        ({"x_train": TRAIN, "y_train": TRAIN_Y, "y_test": TEST_Y}, "y_test has no images"),
        ({"x_train": TRAIN, "x_test": TEST, "y": TRAIN_Y}, "parts of a set"),
        ({"x_train": TRAIN, "x_test": TEST[:, :8]}, "its images are 8x16x1, and those of x_train 16x16x1"),
        ({"images": np.zeros((480, 640, 3), np.uint8)}, "of one picture send the file"),
        ({"images": np.zeros((6, 16, 16, 2), np.uint8)}, "with 1 or 3 channels"),
        ({"images": np.zeros((6, 3072), np.uint8)}, "expected images as N H W"),
        ({"images": TRAIN * 2.0}, "floats from 0 to 5.*; expected 0 to 1, -1 to 1 or 0 to 255"),
        ({"images": np.where(TRAIN > 9, np.nan, 0)}, "not finite"),
        ({"images": np.array([{}, None], object)}, "Python objects, which can run code"),
        ({"images": TRAIN, "labels": np.array([None] * 6)}, "Python objects, which can run code"),
    ],
)
def test_what_is_ambiguous_is_refused_with_what_is_there(take: Build, arrays: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidRequest, match=complaint) as refused:
        take(npz(**arrays))

    assert all(problem.pointer.startswith("/file/") for problem in refused.value.problems)


def test_a_bare_array_of_objects_is_refused_unopened(take: Build) -> None:
    with pytest.raises(InvalidRequest, match="Python objects, which can run code"):
        take(npy(np.array([{}] * 4, object).reshape(1, 2, 2), allow_pickle=True))


def test_an_array_for_each_picture_is_refused(take: Build) -> None:
    with pytest.raises(InvalidRequest, match="1001 arrays"):
        take(npz(**{f"image{i}": TRAIN[0] for i in range(1001)}), limits=LIMITS.model_copy(update={"files": 2000}))


def test_a_zip_of_arrays_in_a_folder_is_as_an_npz(take: Build) -> None:
    entries = [("set/x.npy", npy(TRAIN)), ("set/y.npy", npy(TRAIN_Y)), ("__MACOSX/set/._x.npy", b"junk")]

    built = take(zipped([*entries, ("set/readme.txt", b"read me")]))

    assert (built.content.images_NHWC[..., 0] == TRAIN).all()
    assert built.content.labels_N is not None
    assert built.report.to_body().kind == "npz"


def test_an_array_that_cannot_be_read_matters_only_where_it_is_needed(take: Build) -> None:
    built = take(zipped([("images.npy", npy(TRAIN)), ("more.npy", b"junk"), ("objects.npy", b"\x93NUMPY\x03\0")]))

    assert (built.content.images_NHWC[..., 0] == TRAIN).all()
    with pytest.raises(InvalidRequest, match="/file/images: cannot be read"):
        take(zipped([("images.npy", b"junk")]))
    with pytest.raises(InvalidRequest, match=r"Arrays: more \(that cannot be read\)"):
        take(zipped([("more.npy", b"junk")]))


def test_arrays_of_grey_pixels_in_three_channels_make_one_unless_three_are_asked_for(take: Build) -> None:
    grey = np.stack([TRAIN] * 3, axis=3)

    assert take(npz(images=grey)).content.images_NHWC.shape == (6, 16, 16, 1)
    assert (take(npz(images=grey)).content.images_NHWC[..., 0] == TRAIN).all()
    assert take(npz(images=grey), channels="3").content.images_NHWC.shape == (6, 16, 16, 3)
    assert take(npz(images=COLOURS)).content.images_NHWC.shape == (6, 16, 16, 3)


def test_two_arrays_of_one_name_are_refused(take: Build) -> None:
    with pytest.raises(InvalidRequest, match="files have one name"):
        take(npy(TRAIN), npy(TRAIN), names=("a/x.npy", "b/x.npy"))
