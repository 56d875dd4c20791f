"""Sounds as people upload them, and as they should not, and a dataset of them."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from core.datasets import Dataset, DatasetStore, ImageSet, Origin
from core.media.sound import LOG_MEL
from core.media.sound.spectrogram import Floats, to_picture
from core.store import Store
from tests.uploads import zipped

RATE = LOG_MEL.sample_rate
NAMES = ("high", "low")


def tone(hz: float = 440.0, seconds: float = 0.5, rate: int = RATE, level: float = 0.3) -> Floats:
    """A sine that swells and fades."""
    turn = 2 * np.pi * hz * np.arange(round(seconds * rate)) / rate
    swell = np.sin(np.pi * np.arange(len(turn)) / max(1, len(turn)))
    return (level * swell * np.sin(turn)).astype(np.float32)


def sound(samples: npt.NDArray[Any], rate: int = RATE, form: str = "WAV", subtype: str | None = None) -> bytes:
    """A file of samples (S) or (S, channels)."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=form, subtype=subtype)
    return buffer.getvalue()


def two_tones(count: int = 12, names: tuple[str, str] = NAMES) -> bytes:
    """A zip of `count` sounds, in turn of two classes told apart by their pitch."""
    named = [(f"tones/{names[i % 2]}/{i:03d}.wav", tone((2000, 300)[i % 2] + 10 * i)) for i in range(count)]
    return zipped((name, sound(samples)) for name, samples in named)


def tones(store: Store, count: int = 48) -> Dataset:
    """A stored dataset `tones`: clips of a second, of two classes told apart by their pitch."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    clips = [np.pad(tone((2000, 300)[label] + 100 * rng.random()), (4000, 4000)) for label in labels]
    images = np.stack([to_picture(clip, LOG_MEL) for clip in clips])
    content = ImageSet(images, labels.astype(np.int64), NAMES, LOG_MEL)
    return DatasetStore(store).add("tones", content, Origin("a test"))
