"""How sounds are kept as pictures, and what leads back: `audio` of a dataset and of a version. Knows no sample."""

from pydantic import BaseModel, ConfigDict, Field


class AudioFormat(BaseModel):
    """A mel spectrogram: a row of the picture is a band, the highest on top, and a column a moment."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    sample_rate: int = Field(description="Samples a second, of one channel.")
    fft_size: int = Field(description="Samples that a column is computed from, under a Hann window.")
    hop: int = Field(description="Samples from one column to the next.")
    bands: int = Field(description="Triangles on Slaney's mel scale, each of height 1: rows of the picture.")
    low_hz: float = Field(description="Where the lowest band begins.")
    high_hz: float = Field(description="Where the highest band ends.")
    low_db: float = Field(description="What level 0 means, in decibels of a full-scale sine; it is taken for silence.")
    high_db: float = Field(description="What level 255 means.")
    seconds: int = Field(description="Length of each clip.")

    @property
    def frames(self) -> int:
        """Columns of the picture."""
        return self.seconds * self.sample_rate // self.hop

    @property
    def samples(self) -> int:
        return self.seconds * self.sample_rate
