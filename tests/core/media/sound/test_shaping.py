"""Samples of any rate and length become those of one."""

import numpy as np
import pytest

from core.media.sound.shaping import fit, resample, trim
from tests.sounds import tone


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 32000, 44100, 48000, 96000, 44101])
def test_what_both_rates_hold_stays_as_it_was(rate: int) -> None:
    resampled = resample(tone(1000, 0.5, rate), rate, 16000)

    expected = tone(1000, 0.5, 16000)
    assert abs(len(resampled) - len(expected)) <= 1
    both = min(len(resampled), len(expected))
    assert np.abs(resampled[:both] - expected[:both]).max() < 3e-3


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_what_the_lower_rate_cannot_hold_is_gone_and_not_folded_down(rate: int) -> None:
    resampled = resample(tone(10_000, 0.5, rate), rate, 16000)

    assert np.abs(resampled).max() < 0.3 * 1e-2  # 40 dB less; an alias would be as loud as the tone


def test_one_rate_changes_nothing() -> None:
    samples = tone()

    assert resample(samples, 16000, 16000) is samples


def test_quiet_ends_are_cut_off_and_pauses_stay() -> None:
    word = tone(seconds=0.2)
    samples = np.concatenate([np.zeros(8000), word, np.zeros(1600), word, np.full(8000, 1e-5)]).astype(np.float32)

    trimmed = trim(samples, 16000)

    assert 2 * len(word) + 1600 - 400 < len(trimmed) < 2 * len(word) + 1600 + 1000
    assert len(trim(np.zeros(100, np.float32), 16000)) == len(trim(np.zeros(0, np.float32), 16000)) == 0


def test_a_short_clip_lies_in_the_middle_and_of_a_long_one_the_beginning_stays() -> None:
    assert fit(np.ones(4, np.float32), 8).tolist() == [0, 0, 1, 1, 1, 1, 0, 0]
    assert fit(np.arange(8, dtype=np.float32), 4).tolist() == [0, 1, 2, 3]
    assert fit(np.zeros(0, np.float32), 3).tolist() == [0, 0, 0]
