"""Samples of any rate and length to those of one: resampled, trimmed, padded or cut. Knows no file and no spectrogram.

Shape suffixes: S samples, F frequencies, K blocks.
"""

import math

import numpy as np

from core.media.sound.spectrogram import Floats

BLOCK_S = 0.01  # of which the level is looked at
QUIET = 1e-4  # of the loudest block's power, 40 dB less: what a clip begins and ends with is cut off as far as that
KEPT_BLOCKS = 2  # that stay before and behind what is loud
EDGE_S = 0.05  # of silence before and behind, so that the two ends of a clip do not meet
ROLL_OFF = 0.05  # of the band: at its end it is let down, not cut off, and so rings less


def resample(samples_S: Floats, rate: int, to: int) -> Floats:
    """Resample without what the lower of both rates cannot hold: the spectrum of the whole clip is cut or filled up."""
    if rate == to:
        return samples_S
    unit, new_unit = rate // math.gcd(rate, to), to // math.gcd(rate, to)
    edge = math.ceil(EDGE_S * rate / unit)  # in units, so that both rates have a sample there
    units = 1 << (2 * edge + math.ceil(len(samples_S) / unit) - 1).bit_length()  # a power of two is quick to transform
    padded = np.zeros(units * unit, np.float32)
    padded[edge * unit :][: len(samples_S)] = samples_S
    spectrum_F = np.fft.rfft(padded)
    end = units * min(unit, new_unit) / 2
    spectrum_F *= ((end - np.arange(len(spectrum_F), dtype=np.float32)) / (ROLL_OFF * end)).clip(0, 1)
    resampled = np.fft.irfft(spectrum_F, units * new_unit).astype(np.float32, copy=False) * np.float32(new_unit / unit)
    return resampled[edge * new_unit :][: math.ceil(len(samples_S) * to / rate)]


def trim(samples_S: Floats, rate: int) -> Floats:
    """Cut off what is quiet at both ends."""
    block = max(1, round(BLOCK_S * rate))
    padded = np.pad(samples_S, (0, -len(samples_S) % block))
    power_K = np.square(padded.reshape(-1, block)).mean(axis=1)
    loud = np.flatnonzero(power_K > QUIET * power_K.max(initial=0))
    if not len(loud):
        return samples_S[:0]
    first, last = max(0, loud[0] - KEPT_BLOCKS), loud[-1] + KEPT_BLOCKS + 1
    return samples_S[first * block : last * block]


def fit(samples_S: Floats, count: int) -> Floats:
    """Return `count` samples: a shorter clip in the middle of silence, the beginning of a longer one."""
    missing = max(0, count - len(samples_S))
    return np.pad(samples_S, (missing // 2, missing - missing // 2))[:count]
