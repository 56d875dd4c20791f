"""Whether a run copies its pictures: fakes beside the real pictures nearest to them. Knows no HTTP and no features."""

from pydantic import BaseModel, Field


class NearestPair(BaseModel):
    """A fake, and the real picture that is nearest to it."""

    seed: int = Field(description="Of the fake, as in `/generate`.")
    label: int | None = Field(description="Class that it was asked to show; null: none was.")
    distance: float = Field(description="Between the features of both.")
    ratio: float | None = Field(description="To the median of real pictures; null: that is 0.")
    index: int = Field(description="Of the real picture, in the dataset.")
    real_label: int | None = Field(description="Its class; null: the dataset has none.")


class Distances(BaseModel):
    """Of each of many pictures, how far the nearest other real one is."""

    count: int
    least: float
    fifth_percentile: float
    median: float


class NearestFacts(BaseModel):
    """What is on a sheet: pairs from left to right, row by row, each a fake and at its right the real picture."""

    pairs: list[NearestPair] = Field(description="The fakes that are nearest to a real picture, the nearest first.")
    columns: int = Field(description="Pairs in a row of the sheet.")
    fakes: Distances = Field(description="Of all fakes of the evaluation.")
    reals: Distances = Field(description="What real pictures get that are set apart: how far the next real one is.")
    compared: int = Field(description="Real pictures that the nearest was looked for among.")
    images: int = Field(description="Pictures of the dataset.")
    extractor: str = Field(description="What the features are of.")


class NearestBody(NearestFacts):
    """The same, of a step of a run."""

    run: str
    branch: int
    step: int
    sheet_url: str
