"""One sound of any kind to a spectrogram: what a stranger's file leads to ends here. Knows no archive.

Shape suffixes: S samples, K samples of a block, C channels of the file; H, W of a picture.
"""

import io
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import soundfile

from core.datasets.members import FileRefused
from core.datasets.names import words_of
from core.datasets.sniff import HEAD, kind_of
from core.media.images import Images
from core.media.sound.shaping import fit, resample, trim
from core.media.sound.spectrogram import SILENT_DB, Floats, are_silent, to_picture
from ganymede.schemas.sound import AudioFormat

SHOWN_FORMATS = "WAV, FLAC or OGG"
BLOCK = 1 << 16  # samples of each channel that are decoded at once
RATES = range(1000, 384_001)
MAX_CHANNELS = 32
LOUDEST = 8.0  # of samples that are floats: full scale is 1, and what was mixed may exceed it
FULL = 0.99  # of full scale, where equal samples in a row are cut off peaks
UNKNOWN_SIZE = 0x7FFFF000  # of a WAV's samples: who writes to a pipe says so much, and nobody knows
UNKNOWN_LENGTH = 1 << 40  # frames


class Trait(StrEnum):
    """What a sender may want to know of a sound that is taken all the same, as the end of a sentence."""

    CLIPPED = "clipped: what was above full scale is cut off, and that is heard"
    MIXED = "of several channels: they were mixed to one"
    NARROW = "of fewer samples a second than are kept: there is nothing in the upper bands"
    CUT = "longer than a clip: the beginning was kept"


@dataclass(frozen=True, slots=True)
class Clip:
    picture_HWC: Images
    traits: frozenset[Trait]


def read_clip(data: bytes, audio: AudioFormat, max_seconds: float) -> Clip:
    """Decode a sound of at most `max_seconds`, without silence at its ends; FileRefused if that is impossible."""
    kind = kind_of(data[:HEAD])
    if kind is None or not kind.is_sound:
        raise FileRefused(f"is no {SHOWN_FORMATS} that can be read" + (f": it {kind}" if kind else ""))
    _check_whole(data)
    decoded = _decoded(data, max_seconds)
    samples_S = decoded.samples_S - decoded.samples_S.mean(dtype=np.float32)
    traits = set(decoded.traits)
    shaped_S = resample(trim(samples_S, decoded.rate), decoded.rate, audio.sample_rate)
    if len(shaped_S) > audio.samples:
        traits.add(Trait.CUT)
    if decoded.rate < audio.sample_rate:
        traits.add(Trait.NARROW)
    picture_HWC = to_picture(fit(shaped_S, audio.samples), audio)
    if are_silent(picture_HWC[None], audio)[0]:
        mixed = ", once its channels are mixed" if Trait.MIXED in traits else ""
        raise FileRefused(f"is silent{mixed}: nothing in it is louder than {SILENT_DB:g} dB")
    return Clip(picture_HWC, frozenset(traits))


@dataclass(frozen=True, slots=True)
class _Decoded:
    samples_S: Floats
    rate: int
    traits: frozenset[Trait]


def _decoded(data: bytes, max_seconds: float) -> _Decoded:
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            return _read(file, max_seconds)
    except FileRefused:
        raise
    except MemoryError:
        raise FileRefused("takes more memory than there is") from None
    except Exception as error:  # whatever a stranger's bytes lead to
        raise FileRefused(f"cannot be decoded: {words_of(error)}") from None


def _read(file: soundfile.SoundFile, max_seconds: float) -> _Decoded:
    """Mix down block by block: what is in memory is one channel, and no longer than may be."""
    rate, declared = file.samplerate, file.frames
    if rate not in RATES:
        raise FileRefused(f"has {rate} samples a second; {RATES.start} to {RATES.stop - 1} are read")
    if file.channels > MAX_CHANNELS:
        raise FileRefused(f"has {file.channels} channels; up to {MAX_CHANNELS} are read")
    if declared < UNKNOWN_LENGTH and declared > max_seconds * rate:
        raise FileRefused(f"lasts {declared / rate:.1f} s; a sound may last {max_seconds:g} s. Cut it into words")
    blocks, count, traits = list[Floats](), 0, {Trait.MIXED} if file.channels > 1 else set[Trait]()
    while len(block_KC := file.read(BLOCK, "float32", always_2d=True)):
        _check_values(block_KC)
        count += len(block_KC)
        if count > max_seconds * rate:
            raise FileRefused(f"lasts more than {max_seconds:g} s, which a sound may last. Cut it into words")
        if _is_clipped(block_KC):
            traits.add(Trait.CLIPPED)
        blocks.append(block_KC.mean(axis=1))
    if not count:
        raise FileRefused("holds no sound: it is 0 s long")
    if declared < UNKNOWN_LENGTH and count < declared:
        raise FileRefused(f"is cut short: {count} of {declared} samples are there")
    return _Decoded(np.concatenate(blocks), rate, frozenset(traits))


def _check_values(block_KC: Floats) -> None:
    if not np.isfinite(block_KC).all():
        raise FileRefused("has samples that are no finite numbers")
    loudest = float(np.abs(block_KC).max())
    if loudest > LOUDEST:
        raise FileRefused(f"has samples of {loudest:.4g}; of floats full scale is 1")


def _is_clipped(block_KC: Floats) -> bool:
    """Return whether four samples in a row are equal, at full scale."""
    is_flat = (block_KC[1:] == block_KC[:-1]) & (np.abs(block_KC[1:]) >= FULL)
    return bool((is_flat[2:] & is_flat[1:-1] & is_flat[:-2]).any())


def _check_whole(data: bytes) -> None:
    """Refuse a WAV with fewer samples than it declares, of which libsndfile reads what is there."""
    at = 12
    while data.startswith(b"RIFF") and at + 8 <= len(data):
        size, there = int.from_bytes(data[at + 4 : at + 8], "little"), len(data) - at - 8
        if data[at : at + 4] == b"data":
            if there < size < UNKNOWN_SIZE:
                raise FileRefused(f"is cut short: {there} of {size} bytes of sound are there")
            return
        at += 8 + size + size % 2
