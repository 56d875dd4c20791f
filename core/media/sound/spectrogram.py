"""Samples to mel spectrograms of 8 bits, and what is silent in them. Knows no file.

Computed by numpy without BLAS, whose sums depend on how many threads it finds: equal samples give equal bytes on one
machine, whatever else runs there. Float32 throughout.

Shape suffixes: S samples, N pictures, T frames, F frequencies from 0 to half the rate, B bands, E edges (B + 2), H
and W of a picture (B and T), C its channels (1).
"""

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.media.images import Images
from ganymede.schemas.sound import AudioFormat

# Of all datasets: 64 columns a second, each of 64 ms, so that neighbours overlap by three quarters, and a second is as
# wide as it is high.
LOG_MEL = AudioFormat(
    sample_rate=16_000,
    fft_size=1024,
    hop=250,
    bands=64,
    low_hz=0.0,
    high_hz=8000.0,
    low_db=-80.0,
    high_db=0.0,
    seconds=1,
)
SILENT_DB = -50.0  # all bands of a clip's loudest column together, relative to a full-scale sine
LINEAR_UNTIL_HZ, HZ_A_MEL = 1000.0, 200 / 3  # Slaney's scale (Auditory Toolbox, 1998), as librosa has it by default
LOG_STEP = np.log(6.4) / 27
TINY = np.float32(1e-12)

Floats = npt.NDArray[np.float32]
Spectrum = npt.NDArray[np.complex64]


def to_picture(samples_S: Floats, audio: AudioFormat) -> Images:
    """Return the spectrogram of `audio.seconds` of sound, uint8 (H, W, 1)."""
    magnitude_TF = np.abs(stft(samples_S, audio)) / window(audio).sum()  # a full-scale sine: 0 dB in a wide band
    mel_TB = mel_bands(audio).gathered(magnitude_TF)
    decibels_TB = 20 * np.log10(np.maximum(mel_TB, TINY))
    levels_TB = np.rint((decibels_TB - audio.low_db) * (255 / (audio.high_db - audio.low_db)))
    return np.ascontiguousarray(levels_TB.clip(0, 255).astype(np.uint8).T[::-1, :, None])


def to_mel(picture_HWC: Images, audio: AudioFormat) -> Floats:
    """Return the magnitudes (T, B) that a spectrogram of one channel shows; of level 0: none."""
    return _magnitudes(audio)[picture_HWC[::-1, :, 0].T]


def loudest_db(pictures_NHWC: Images, audio: AudioFormat) -> Floats:
    """Return the level of each clip's loudest column, all bands together, in decibels (N,); of silence: -240."""
    power = np.square(_magnitudes(audio))[pictures_NHWC[..., 0]].sum(axis=1)
    loudest_N: Floats = 10 * np.log10(np.maximum(power.max(axis=1), TINY * TINY))
    return loudest_N


def are_silent(pictures_NHWC: Images, audio: AudioFormat) -> npt.NDArray[np.bool_]:
    return loudest_db(pictures_NHWC, audio) < SILENT_DB


def stft(samples_S: Floats, audio: AudioFormat) -> Spectrum:
    """Return the spectrum (T, F) of samples between two silences, which make the number of columns come out even."""
    padded = np.pad(samples_S, margin(audio))
    frames = np.lib.stride_tricks.sliding_window_view(padded, audio.fft_size)[:: audio.hop]
    return np.fft.rfft(frames * window(audio), axis=1).astype(np.complex64, copy=False)


def istft(spectrum_TF: Spectrum, audio: AudioFormat) -> Floats:
    """Return the samples (S) whose spectrum comes nearest (Griffin & Lim 1984, section II)."""
    frames = np.fft.irfft(spectrum_TF, audio.fft_size, axis=1).astype(np.float32, copy=False) * window(audio)
    return _overlapped(frames, audio) / _envelope(audio, len(frames))


def margin(audio: AudioFormat) -> int:
    """Samples of silence before and behind a clip."""
    return (audio.fft_size - audio.hop) // 2


@functools.cache
def window(audio: AudioFormat) -> Floats:
    """Return Hann's window, periodic."""
    turn = 2 * np.pi * np.arange(audio.fft_size) / audio.fft_size
    return (0.5 - 0.5 * np.cos(turn)).astype(np.float32)


def _overlapped(frames: Floats, audio: AudioFormat) -> Floats:
    """Add frames up, each a hop behind the one before; without the margins."""
    count, hops = len(frames), -(-audio.fft_size // audio.hop)
    parts = np.pad(frames, ((0, 0), (0, hops * audio.hop - audio.fft_size))).reshape(count, hops, audio.hop)
    sums = np.zeros((count + hops - 1, audio.hop), np.float32)
    for i in range(hops):
        sums[i : i + count] += parts[:, i]
    return sums.reshape(-1)[margin(audio) :][: count * audio.hop]


@functools.cache
def _envelope(audio: AudioFormat, count: int) -> Floats:
    return _overlapped(np.tile(np.square(window(audio)), (count, 1)), audio)


@functools.cache
def _magnitudes(audio: AudioFormat) -> Floats:
    """Return the magnitude of each level (256,)."""
    decibels = audio.low_db + np.arange(256) * (audio.high_db - audio.low_db) / 255
    magnitudes = 10 ** (decibels / 20)
    magnitudes[0] = 0
    return magnitudes.astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class MelBands:
    """Triangles over frequencies. Each frequency lies between two edges, where one triangle rises and the one before
    falls: two numbers a frequency are the whole matrix.

    between_F: which edge is the last at or below a frequency; first_E: the first frequency behind each edge but the
    last one; rising_F: weight in the rising triangle, the other one's is 1 - rising_F.
    """

    between_F: npt.NDArray[np.int64]
    first_E: npt.NDArray[np.int64]
    rising_F: Floats

    def gathered(self, magnitude_TF: Floats) -> Floats:
        """Return the weighted sum of each band (T, B)."""
        inside_TF = magnitude_TF[:, : len(self.rising_F)]
        rising = np.add.reduceat(inside_TF * self.rising_F, self.first_E, axis=1)
        falling = np.add.reduceat(inside_TF * (1 - self.rising_F), self.first_E, axis=1)
        return rising[:, :-1] + falling[:, 1:]

    def spread(self, mel_TB: Floats) -> Floats:
        """Return what the transposed matrix makes of bands: (T, F), without the frequencies beyond the last edge."""
        between = np.pad(mel_TB, ((0, 0), (1, 1)))
        return self.rising_F * between[:, self.between_F + 1] + (1 - self.rising_F) * between[:, self.between_F]


@functools.cache
def mel_bands(audio: AudioFormat) -> MelBands:
    edges_E = _to_hz(np.linspace(_to_mel(audio.low_hz), _to_mel(audio.high_hz), audio.bands + 2))
    frequency_F = np.arange(audio.fft_size // 2 + 1) * audio.sample_rate / audio.fft_size
    between_F = np.searchsorted(edges_E, frequency_F, side="right") - 1
    inside = between_F <= audio.bands
    between_F, frequency_F = between_F[inside], frequency_F[inside]
    low_F, high_F = edges_E[between_F], edges_E[between_F + 1]
    first_E = np.searchsorted(between_F, np.arange(audio.bands + 1))
    assert between_F[0] == 0, "no frequency lies below the lowest edge"
    assert (np.diff(first_E) > 0).all(), "a frequency lies between any two edges"
    return MelBands(between_F, first_E, ((frequency_F - low_F) / (high_F - low_F)).astype(np.float32))


def _to_mel(hz: float) -> float:
    if hz < LINEAR_UNTIL_HZ:
        return hz / HZ_A_MEL
    return LINEAR_UNTIL_HZ / HZ_A_MEL + float(np.log(hz / LINEAR_UNTIL_HZ) / LOG_STEP)


def _to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    turn = LINEAR_UNTIL_HZ / HZ_A_MEL
    return np.where(mel < turn, mel * HZ_A_MEL, LINEAR_UNTIL_HZ * np.exp(LOG_STEP * (mel - turn)))
