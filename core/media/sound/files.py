"""Samples to files: WAV and FLAC, one channel of 16 bits. Knows no spectrogram.

Equal samples give equal bytes. Shape suffixes: S samples.
"""

import io
import wave

import soundfile

from core.media.sound.reconstruction import Samples

ENCODER = f"libsndfile {soundfile.__libsndfile_version__}"  # the bytes of a FLAC depend on it


def to_wav(samples_S: Samples, sample_rate: int) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(samples_S.astype("<i2").tobytes())
    return buffer.getvalue()


def to_flac(samples_S: Samples, sample_rate: int) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples_S, sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()
