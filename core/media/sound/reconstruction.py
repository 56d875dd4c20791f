"""From a mel spectrogram back to samples: magnitudes that it fits, and phases that fit those. Knows no file.

Shape suffixes: S samples, T frames, F frequencies, B bands, H and W of a picture, C its channels (1).
"""

import numpy as np
import numpy.typing as npt

from core.media.images import Images
from core.media.sound.spectrogram import TINY, Floats, istft, mel_bands, stft, to_mel, window
from ganymede.schemas.sound import AudioFormat

REVISION = "griffin-lim 1"  # another one where the same picture and seed would give other samples
UNMIXING = 60  # steps of magnitudes towards the bands
ITERATIONS = 32  # of phases
MOMENTUM = 0.99
FULL_SCALE = 32767

Samples = npt.NDArray[np.int16]


def to_samples(picture_HWC: Images, audio: AudioFormat, seed: int) -> Samples:
    """Return the sound (S) of a spectrogram. Picture, format and seed give the same samples for ever, on one machine
    with one numpy; another processor may round otherwise."""
    magnitude_TF = unmixed(to_mel(picture_HWC, audio), audio) * window(audio).sum()
    sound_S = griffin_lim(magnitude_TF, audio, seed)
    samples_S: Samples = np.rint(sound_S.clip(-1, 1) * FULL_SCALE).astype(np.int16)
    return samples_S


def to_floats(samples_S: Samples) -> Floats:
    """Return samples of 16 bits between -1 and 1."""
    return samples_S.astype(np.float32) / np.float32(FULL_SCALE)


def unmixed(mel_TB: Floats, audio: AudioFormat) -> Floats:
    """Return magnitudes (T, F), none below zero, whose bands are these: a non-negative least-squares problem, by the
    multiplicative steps of Lee & Seung (2001), which begin smooth and stay so."""
    bands = mel_bands(audio)
    wanted = bands.spread(mel_TB)
    inside = bands.spread(mel_TB / bands.gathered(bands.spread(np.ones((1, audio.bands), np.float32))))
    for _ in range(UNMIXING):
        inside = inside * wanted / (bands.spread(bands.gathered(inside)) + TINY)
    return np.pad(inside, ((0, 0), (0, audio.fft_size // 2 + 1 - inside.shape[1])))


def griffin_lim(magnitude_TF: Floats, audio: AudioFormat, seed: int, iterations: int = ITERATIONS) -> Floats:
    """Return samples (S) whose spectrum has about these magnitudes: Griffin & Lim 1984, with the momentum of Perraudin,
    Balazs & Sondergaard 2013 (A fast Griffin-Lim algorithm).

    The phases begin as RandomState(seed).uniform draws them, whose stream numpy keeps for ever (NEP 19).
    """
    turn_TF = np.random.RandomState(seed).uniform(0, 2 * np.pi, magnitude_TF.shape).astype(np.float32)
    phase_TF = np.empty(magnitude_TF.shape, np.complex64)
    phase_TF.real, phase_TF.imag = np.cos(turn_TF), np.sin(turn_TF)
    before_TF = np.zeros_like(phase_TF)
    share = np.float32(MOMENTUM / (1 + MOMENTUM))
    for _ in range(iterations):
        found_TF = stft(istft(magnitude_TF * phase_TF, audio), audio)
        phase_TF = found_TF - share * before_TF
        phase_TF /= np.abs(phase_TF) + TINY
        before_TF = found_TF
    return istft(magnitude_TF * phase_TF, audio)
