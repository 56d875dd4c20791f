"""Spectrograms to the sounds that /generate answers with. Knows no request and no queue; runs on the encoders' threads.

Equal pixels and seeds give equal bytes: each clip is computed by itself. Shape suffixes: N clips, S samples, H bands,
W columns, C channels (1).
"""

from collections.abc import Iterator, Sequence

import numpy as np

from app.engine.engine import Engine
from app.generate.parameters import Format
from core.media.images import Images
from core.media.sound import files, reconstruction
from core.media.sound.files import to_flac, to_wav
from core.media.sound.reconstruction import Samples, to_samples
from ganymede.schemas.sound import AudioFormat

MEDIA_TYPES: dict[Format, str] = {"wav": "audio/wav", "flac": "audio/flac"}
ENCODER = f"{reconstruction.REVISION} numpy {np.__version__} {files.ENCODER}"  # all that the bytes of a sound depend on
MOST_CLIPS = 128  # of one answer: about half a minute of work
PHASES_OF_NOISE = 0  # the seed of phases where noise was given, and no seed

# Seconds of one thread a second of sound, at the upper end of what was measured.
CLIP_S = 0.1


def audio_of(engine: Engine) -> AudioFormat:
    audio = engine.manifest.audio
    assert audio is not None, "a version whose medium is audio says how"
    return audio


def encode(drawn_NHWC: Images, seeds: Sequence[int], form: Format, engine: Engine) -> bytes:
    """Return one sound: the clips in their order, one behind the other."""
    sound_S, rate = np.concatenate([*clips(drawn_NHWC, seeds, engine)]), audio_of(engine).sample_rate
    return to_flac(sound_S, rate) if form == "flac" else to_wav(sound_S, rate)


def clips(drawn_NHWC: Images, seeds: Sequence[int], engine: Engine) -> Iterator[Samples]:
    """Yield the samples (S) of each clip. The seed that drew it also begins its phases."""
    audio = audio_of(engine)
    for i, picture_HWC in enumerate(drawn_NHWC):
        yield to_samples(picture_HWC, audio, seeds[i] if seeds else PHASES_OF_NOISE)


def work_of(count: int, engine: Engine) -> float:
    """Estimate the seconds of one thread that so many clips take."""
    return count * audio_of(engine).seconds * CLIP_S
