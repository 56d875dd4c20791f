"""What `/classify` answers. Knows no HTTP and no image."""

from pydantic import BaseModel, Field


class NamedClass(BaseModel):
    """A class that a picture may show."""

    label: int = Field(ge=0, description="Its index.")
    name: str
    probability: float = Field(ge=0, le=1, description="Calibrated, where the version has a temperature.")


class ClassifiedPicture(BaseModel):
    """What a picture shows."""

    file: str = Field(description="As its sender called it.", examples=["seven.png"])
    classes: list[NamedClass] = Field(description="The most likely first; `top` of them.")


class ClassificationBody(BaseModel):
    """What pictures show, in the order in which they were sent."""

    model: str
    version: int | str = Field(description="Of a checkpoint its BRANCH-STEP.")
    digest: str = Field(description="Of the model's weights.")
    temperature: float = Field(
        description="By which the logits were divided: fitted to held-out labels; 1 where it was not."
    )
    pictures: list[ClassifiedPicture]


class LinearProbeScores(BaseModel):
    """How well classes can be told by a linear classifier of a discriminator's features (Radford et al. 2015)."""

    accuracy: float = Field(description="Share of the test that is named rightly.")
    accuracy_low: float = Field(description="Of its 95 % interval (Wilson).")
    accuracy_high: float
    tested: int = Field(description="Pictures of the test, which the linear classifier has not seen; the run may have.")
    learnt: int = Field(description="Pictures that it learnt from.")
    features: int = Field(description="Numbers of a picture: every layer, pooled to `grid` x `grid`.")
    grid: int
    l2: float = Field(description="Weight of the penalty, the best of a few for pictures of neither part.")


class LinearProbeBody(LinearProbeScores):
    """The same, of a checkpoint."""

    run: str
    branch: int
    step: int
