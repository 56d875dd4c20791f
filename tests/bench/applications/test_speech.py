"""Words of a model, read by a judge: what is heard, how sure the share is, and what is refused."""

import numpy as np
import pytest
import torch

from bench.applications import __main__ as applications
from bench.applications import speech
from core.media.sound import LOG_MEL
from core.media.sound.spectrogram import to_picture
from core.registry import Registry
from tests.fixtures import PublishTiny
from tests.sounds import tone
from worker.training.scores import classifier
from worker.training.scores.calibration import wilson


def test_what_is_heard_of_a_spectrogram_looks_like_it() -> None:
    picture = to_picture(np.pad(tone(600), 4000), LOG_MEL)

    heard = speech.heard([picture, np.zeros_like(picture)])

    assert heard.shape == (2, 64, 64, 1)
    assert np.abs(heard[0].astype(int) - picture)[picture > 150].mean() < 8
    assert not heard[1].any()


def test_the_interval_of_a_share_is_wilsons() -> None:
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)  # Newcombe 1998, table I


def test_distances_are_beside_those_of_real_clips() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 2
    clips = rng.integers(0, 40, (300, 16, 16, 1), np.uint8)
    clips[labels == 1, 8:] += 150
    weights, _ = classifier.train(clips, labels, 2, speech.HERE, lambda: None)
    judge = classifier.Classifier(weights, 16, 1, 2, torch.device("cpu"))

    found = speech.distance(judge, clips[:100][labels[:100] == 1], clips[100:200], clips[200:])

    assert found.frechet_distance > 2 * found.floor > 0
    assert found.kid > 2 * abs(found.kid_floor)
    assert found.clips == 50


def test_a_model_that_has_not_learnt_the_words_is_refused(registry: Registry, publish_tiny: PublishTiny) -> None:
    publish_tiny()

    with pytest.raises(SystemExit, match="tiny@1 has not learnt the digits"):
        speech.measure(registry, "tiny", 1, 1)


def test_a_measurement_that_there_is_not_names_those_that_there_are() -> None:
    with pytest.raises(SystemExit, match=r"which one\? .*speech"):
        applications.main(["singing"])
