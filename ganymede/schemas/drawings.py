"""Answers about pictures: those of `/generate` that are no picture file, and what a picture tells of itself.

Knows no HTTP and no image.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MANIFEST = "manifest.json"  # in a zip, beside the pictures
SEED = Annotated[int, Field(ge=0, lt=2**32)]
LABEL = Annotated[int, Field(ge=0)]


class Provenance(BaseModel):
    """How a picture was drawn: all that draws it again. Its own text in a PNG, without what is null."""

    __qualname__ = "DrawingRecipe"  # its name in the OpenAPI document
    model_config = ConfigDict(strict=True)

    model: str = Field(max_length=200)
    version: Annotated[int, Field(ge=1)] | Annotated[str, Field(pattern=r"^\d{1,15}-\d{1,15}$")] = Field(
        description="Of a checkpoint its BRANCH-STEP."
    )
    digest: str = Field(max_length=100, description="Of the model's weights.")
    seed: SEED | Annotated[list[SEED], Field(fail_fast=True)] | None = Field(
        None, description="Of the picture; of a contact sheet a list, one for each image. Null: drawn from `z`."
    )
    label: LABEL | Annotated[list[LABEL], Field(fail_fast=True)] | None = Field(
        None, description="Index of the class; of a contact sheet a list. Null: the model knows no classes."
    )
    z: Annotated[list[Annotated[list[float], Field(fail_fast=True)]], Field(fail_fast=True)] | None = Field(
        None, description="The noise, a row for each image, where it was given instead of seeds.", repr=False
    )
    truncation: float = Field(1.0, gt=0, le=1)
    scale: int = Field(1, ge=1)

    @property
    def seeds(self) -> list[int]:
        return self.seed if isinstance(self.seed, list) else [] if self.seed is None else [self.seed]

    @property
    def labels(self) -> list[int] | None:
        return [self.label] if isinstance(self.label, int) else self.label


class DrawnFacts(BaseModel):
    """What is true of all pictures of one answer."""

    model: str
    version: int | str = Field(description="Of a checkpoint its BRANCH-STEP.")
    digest: str = Field(description="Of the model's weights.")
    truncation: float
    scale: int
    height: int = Field(description="Of each picture, in pixels, `scale` included; as `width`.")
    width: int
    channels: int = Field(description="1: grey; 3: red, green, blue.")
    sample_rate: int | None = Field(
        None, description="Of sounds, whose spectrograms the pictures are.", exclude_if=lambda rate: rate is None
    )


class DrawnImage(BaseModel):
    """One picture, and what drew it."""

    seed: int | None = Field(description="null: drawn from `z`.")
    label: int | None = Field(description="Index of the class; null: the model knows no classes.")
    label_name: str | None


class EncodedImage(DrawnImage):
    """One picture as text, and what drew it."""

    png: str = Field(description="The PNG, in base64.", repr=False)


class StoredImage(DrawnImage):
    """One picture in a zip, and what drew it."""

    file: str = Field(description="Its name in the zip.")


class DrawnImages(DrawnFacts):
    """Pictures as JSON: the answer of `/generate` with `format=json`."""

    images: list[EncodedImage]


class SearchProgress(BaseModel):
    """How far a search is: the event `progress` of `POST /complete` with `method=search`."""

    draft: int = Field(description="Counts from 0.")
    drafts: int
    step: int = Field(description="0: the best of the first seeds is found.")
    steps: int
    distance: float = Field(description="Of its known pixels from those that were sent, 0 to 1.")
    label: int | None = Field(description="Index of its class; null: the model knows no classes.")


class ZipManifest(DrawnFacts):
    """`manifest.json` in the answer of `/generate` with `format=zip`."""

    images: list[StoredImage]


class InspectionBody(BaseModel):
    """What a picture tells of itself, and whether that is true."""

    recipe: Provenance
    width: int
    height: int
    verified: bool | None = Field(
        description="Whether the recipe draws these very pixels; null: it was not asked, or cannot be told."
    )
    reason: str | None = Field(description="Why `verified` is not true, where it was asked.")


class MorphFrame(BaseModel):
    """A frame of a morph in a zip."""

    file: str = Field(description="Its name in the zip.")
    place: float = Field(description="0: the first key, 1: the second, 0.5: half way; beyond the last it leads back.")
    label: int | None = Field(description="Index of the class; null: the model knows no classes.")


class MorphManifest(DrawnFacts):
    """`manifest.json` in the answer of `/generate/morph` with `format=zip`."""

    seeds: list[int] = Field(description="Of the keys.")
    labels: list[int] | None = Field(description="Of the keys; null: the model knows no classes.")
    loop: bool
    fps: int
    frames: list[MorphFrame]


class TimelineFrame(BaseModel):
    """What one checkpoint of a run draws, or a version that was published of it."""

    step: int
    reference: str = Field(
        description="What drew it, for `/generate`.", examples=["run:run_0192f1c7a4e1b2c3d4e5@0-500"]
    )
    png: str = Field(description="The PNG, in base64.", repr=False)


class TimelineBody(BaseModel):
    """One seed through the steps of a run, and what is no longer there to be drawn with."""

    run: str
    seed: int
    label: int | None = Field(description="Index of the class; null: the model knows no classes.")
    label_name: str | None
    truncation: float
    scale: int
    height: int = Field(description="Of each frame, in pixels, `scale` included; as `width`.")
    width: int
    channels: int = Field(description="1: grey; 3: red, green, blue.")
    frames: list[TimelineFrame] = Field(description="In the order of their steps.")
    omitted_steps: list[int] = Field(description="Kept, but more than an answer has frames.")
    num_gone: int = Field(description="Steps with a checkpoint that was dropped since.")
    gone_steps: list[int] = Field(description="The newest 100 of those.")
