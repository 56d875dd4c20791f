"""How many of the drawn clips are silent, counted while they are scored. Knows no run.

Shape suffixes: B clips, H bands, W columns, C channels (1).
"""

from collections.abc import Iterator

from core.media.images import Images
from core.media.sound.spectrogram import are_silent
from ganymede.schemas.sound import AudioFormat
from worker.training.trainer import Metrics


class SilenceMeter:
    """`audio` None: these are pictures, and nothing is counted."""

    def __init__(self, audio: AudioFormat | None) -> None:
        self._audio = audio
        self._silent, self._count = 0, 0

    def watched(self, batches: Iterator[Images]) -> Iterator[Images]:
        """Yield the batches (B, H, W, C) as they are."""
        for drawn_BHWC in batches:
            if self._audio is not None:
                self._silent += int(are_silent(drawn_BHWC, self._audio).sum())
                self._count += len(drawn_BHWC)
            yield drawn_BHWC

    @property
    def scores(self) -> Metrics:
        return {"silent_share": self._silent / self._count} if self._count else {}
