"""Sounds as pictures and back: what librosa computes, what comes back, and the same for ever.

The golden numbers are those of librosa 0.11.0: of noise between 387 samples of silence,
melspectrogram(sr=16000, n_fft=1024, hop_length=250, n_mels=64, fmin=0, fmax=8000, power=1, norm=None,
center=False), and filters.mel with the same numbers.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from core.media.sound import LOG_MEL
from core.media.sound.reconstruction import griffin_lim, to_floats, to_samples, unmixed
from core.media.sound.spectrogram import (
    Floats,
    are_silent,
    istft,
    loudest_db,
    margin,
    mel_bands,
    stft,
    to_mel,
    to_picture,
    window,
)
from tests.sounds import RATE, tone


def chord() -> Floats:
    """A second of three tones, each from another moment on."""
    samples = np.zeros(RATE, np.float32)
    for hz, begins in ((220.0, 2000), (1234.5, 5000), (5000.0, 8000)):
        samples[begins : begins + RATE // 2] += tone(hz, 0.5, level=0.25)
    return samples


def test_a_second_is_a_square_of_64_with_the_highest_band_on_top() -> None:
    low, high = (np.pad(tone(hz), 4000) for hz in (200.0, 6000.0))

    pictures = [to_picture(samples, LOG_MEL) for samples in (low, high)]

    assert [picture.shape for picture in pictures] == [(64, 64, 1)] * 2
    assert (LOG_MEL.frames, LOG_MEL.samples) == (64, RATE)
    loudest = [int(picture[:, 32, 0].argmax()) for picture in pictures]
    assert loudest[0] > 55
    assert loudest[1] < 10


def test_a_full_scale_sine_is_at_0_decibels_and_silence_at_the_lowest_level() -> None:
    sine = np.sin(2 * np.pi * 3000 * np.arange(RATE) / RATE).astype(np.float32)

    loud, quiet, silent = (to_picture(level * sine, LOG_MEL) for level in (1.0, 0.01, 0.0))

    assert float(loudest_db(loud[None], LOG_MEL)[0]) == pytest.approx(0, abs=4)
    assert float(loudest_db(quiet[None], LOG_MEL)[0]) == pytest.approx(-40, abs=4)
    assert (silent == 0).all()
    assert are_silent(np.stack([loud, quiet, silent]), LOG_MEL).tolist() == [False, False, True]


def test_the_bands_of_a_matrix_of_triangles_are_those_of_two_numbers_a_frequency() -> None:
    bands = mel_bands(LOG_MEL)
    matrix_FB = bands.gathered(np.eye(513, dtype=np.float32))

    magnitude_TF = np.random.default_rng(0).random((5, 513), np.float32)
    mel_TB = np.random.default_rng(1).random((5, 64), np.float32)

    assert np.allclose(bands.gathered(magnitude_TF), magnitude_TF @ matrix_FB, rtol=1e-5)
    assert np.allclose(bands.spread(mel_TB), (mel_TB @ matrix_FB.T)[:, : len(bands.rising_F)], rtol=1e-5)


# Of a band: magnitudes in the columns 0, 1, 31 and 63; the frequency that counts most, its weight, the sum of all.
GOLDEN = {
    0: ((4.7873, 4.9985, 5.7484, 3.7149), (3, 0.989889, 2.96967)),
    20: ((1.8319, 2.5916, 4.2847, 8.3981), (62, 0.87563, 3.00063)),
    45: ((9.232, 13.3348, 15.5152, 13.6589), (206, 0.975157, 9.87903)),
    63: ((33.1595, 36.7048, 35.7981, 38.4298), (488, 0.996747, 23.36813)),
}


@pytest.mark.parametrize("band", GOLDEN)
def test_bands_are_those_of_librosa(band: int) -> None:
    noise = (0.1 * np.random.RandomState(0).standard_normal(RATE)).astype(np.float32)
    bands = mel_bands(LOG_MEL)

    mel_TB = bands.gathered(np.abs(stft(noise, LOG_MEL)))
    weights = bands.gathered(np.eye(513, dtype=np.float32))[:, band]

    magnitudes, (frequency, weight, total) = GOLDEN[band]
    assert mel_TB[[0, 1, 31, 63], band].tolist() == pytest.approx(magnitudes, abs=2e-4)
    assert (int(weights.argmax()), margin(LOG_MEL)) == (frequency, 387)
    assert (float(weights.max()), float(weights.sum())) == pytest.approx((weight, total), abs=1e-4)


def test_samples_come_back_of_their_spectrum() -> None:
    samples = chord()

    back = istft(stft(samples, LOG_MEL), LOG_MEL)

    assert back.dtype == np.float32
    assert np.allclose(back, samples, atol=1e-5)


def test_magnitudes_are_found_that_have_the_bands_of_a_sound() -> None:
    mel_TB = mel_bands(LOG_MEL).gathered(np.abs(stft(chord(), LOG_MEL)) / window(LOG_MEL).sum())

    found_TF = unmixed(mel_TB, LOG_MEL)

    assert found_TF.shape == (64, 513)
    assert (found_TF >= 0).all()
    again = mel_bands(LOG_MEL).gathered(found_TF)
    assert np.abs(again - mel_TB).max() < 0.05 * mel_TB.max()


def test_what_comes_back_of_a_picture_looks_like_it() -> None:
    picture = to_picture(chord(), LOG_MEL)

    again = to_picture(to_floats(to_samples(picture, LOG_MEL, seed=1)), LOG_MEL)

    loud = picture > 100
    assert np.abs(again.astype(int) - picture)[loud].mean() < 6  # levels of 0.31 dB
    assert loud.sum() > 100


def test_phases_come_nearer_step_by_step() -> None:
    magnitude_TF = np.abs(stft(chord(), LOG_MEL))

    def off(iterations: int) -> float:
        found = np.abs(stft(griffin_lim(magnitude_TF, LOG_MEL, 0, iterations), LOG_MEL))
        return float(np.linalg.norm(found - magnitude_TF) / np.linalg.norm(magnitude_TF))

    assert off(0) > 1.5 * off(8) > 1.5 * off(32)
    assert off(32) < 0.2


def test_a_seed_gives_the_same_samples_alone_and_in_a_crowd_and_another_one_others() -> None:
    picture = to_picture(chord(), LOG_MEL)
    alone = to_samples(picture, LOG_MEL, seed=7)

    with ThreadPoolExecutor(8) as pool:
        crowd = list(pool.map(lambda seed: to_samples(picture, LOG_MEL, seed), [7, 8] * 8))

    assert (alone.dtype.name, alone.shape) == ("int16", (RATE,))
    assert all((samples == alone).all() for samples in crowd[::2])
    assert all((samples == crowd[1]).all() for samples in crowd[1::2])
    assert not (crowd[1] == alone).all()


def test_silence_comes_back_as_silence() -> None:
    assert not to_samples(np.zeros((64, 64, 1), np.uint8), LOG_MEL, seed=0).any()


def test_a_picture_of_noise_comes_back_as_a_sound_within_16_bits() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 1)).astype(np.uint8)

    samples = to_samples(noise, LOG_MEL, seed=0)

    assert samples.any()
    assert to_mel(noise, LOG_MEL).shape == (64, 64)
