"""The judge of the digits: that its numbers mean what they say, and that its files are the recorded ones."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from bench.dataset import ARCHIVE, Digits, read_bundled
from worker.judge.__main__ import main
from worker.judge.judgement import FOLDER, REFERENCE, WEIGHTS, judge, load_reference


@pytest.fixture(scope="module")
def sample() -> Digits:
    """A hundred of each digit, which the judge has never seen."""
    digits = read_bundled()
    places = np.concatenate([np.flatnonzero(digits.labels == digit)[:100] for digit in range(10)])
    return Digits(digits.images[places], digits.labels[places])


def test_real_digits_are_read_right_and_lie_near_the_reference(sample: Digits) -> None:
    judgement = judge(sample.images, sample.labels)

    shares = [share for share in judgement.per_class_accuracy if share is not None]
    assert judgement.images == 1_000
    assert judgement.label_accuracy >= 0.99
    assert min(shares) >= 0.95
    assert np.mean(shares) == pytest.approx(judgement.label_accuracy)
    assert judgement.ratio == pytest.approx(judgement.frechet_distance / judgement.floor)
    assert judgement.ratio < 10


def test_shuffled_labels_are_right_as_often_as_chance_and_leave_the_distance_alone(sample: Digits) -> None:
    shuffled = np.random.default_rng(5).permutation(sample.labels)

    judgement = judge(sample.images, shuffled)

    assert 0.05 < judgement.label_accuracy < 0.15
    assert judgement.frechet_distance == judge(sample.images, sample.labels).frechet_distance


def test_one_image_repeated_lies_far_from_the_reference_however_well_it_reads(sample: Digits) -> None:
    collapsed = np.repeat(sample.images[:1], 200, axis=0)

    judgement = judge(collapsed, np.repeat(sample.labels[:1], 200))

    assert judgement.label_accuracy == 1.0
    assert judgement.per_class_accuracy == (1.0, *[None] * 9)
    assert judgement.ratio > 100


def test_one_digit_alone_lies_far_from_the_reference(sample: Digits) -> None:
    whole, ones = judge(sample.images, sample.labels), sample.labels == 1

    judgement = judge(sample.images[ones], sample.labels[ones])

    assert judgement.frechet_distance > 10 * whole.frechet_distance


def test_images_with_a_channel_axis_are_the_same_images(sample: Digits) -> None:
    plain = judge(sample.images[:50], sample.labels[:50])

    with_axis = judge(sample.images[:50, :, :, None], sample.labels[:50].astype(np.int64))

    assert with_axis == plain


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (np.zeros((4, 32, 32), np.uint8), np.zeros(4, np.uint8)),
        (np.zeros((4, 28, 28, 3), np.uint8), np.zeros(4, np.uint8)),
        (np.zeros((4, 28, 28), np.float32), np.zeros(4, np.uint8)),
        (np.zeros((4, 28, 28), np.uint8), np.zeros(3, np.uint8)),
        (np.zeros((4, 28, 28), np.uint8), np.zeros(4, np.float32)),
        (np.zeros((4, 28, 28), np.uint8), np.full(4, 10, np.uint8)),
        (np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.uint8)),
    ],
)
def test_what_are_not_labelled_digits_is_refused(images: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"images of shape|labels of shape|at least two images"):
        judge(images, labels)


def test_the_command_reads_files_of_digits_that_count_up(
    sample: Digits, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counted = sample.images.reshape(10, 100, 28, 28, 1).swapaxes(0, 1).reshape(-1, 28, 28, 1)  # 0 to 9, again and again
    files = [tmp_path / "first.npy", tmp_path / "second.npy"]
    for file, part in zip(files, (counted[:64], counted[64:]), strict=True):
        np.save(file, part)

    main([str(file) for file in files])

    judgement = json.loads(capsys.readouterr().out)
    assert judgement["images"] == 1_000
    assert judgement["label_accuracy"] >= 0.99


def test_the_committed_files_are_the_recorded_ones() -> None:
    record = json.loads((FOLDER / "record.json").read_text(encoding="utf-8"))

    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (WEIGHTS, REFERENCE, ARCHIVE)}

    assert record["sha256"] == digests
    assert WEIGHTS.stat().st_size <= 1_000_000


def test_the_record_and_the_reference_tell_the_same_accuracy_and_floor() -> None:
    record = json.loads((FOLDER / "record.json").read_text(encoding="utf-8"))

    reference = load_reference()

    assert (reference.accuracy, reference.floor) == (record["test_accuracy"], record["floor"])
    assert reference.accuracy >= 0.994
