"""The parameters of /generate, as a query and as a body: their types, ranges and texts. Knows no model."""

from typing import Annotated, Literal

from pydantic import Field

from ganymede.schemas.bodies import BodyModel, StrictModel
from models.noise import SEEDS

PictureFormat = Literal["png", "webp", "json", "zip", "npy"]
Format = Literal[PictureFormat, "wav", "flac"]
RANDOM_SEED = -1
MAX_SCALE = 8
MAX_STEPS = 1000  # of a search
MAX_LATENT = 1000.0  # noise is rarely beyond 4; what is far beyond overflows in the network

Label = Annotated[int | str, Field(union_mode="left_to_right")]
Labels = Annotated[list[Label], Field(fail_fast=True)]  # a body of a million wrong ones is told the first
Seeds = Annotated[list[Annotated[int, Field(ge=0, lt=SEEDS)]], Field(fail_fast=True)]
Number = Annotated[float, Field(ge=-MAX_LATENT, le=MAX_LATENT, allow_inf_nan=False)]
Latents = Annotated[list[Annotated[list[Number], Field(fail_fast=True)]], Field(fail_fast=True)]

SEEDS_TEXT = "Seeds and ranges, in the order of the images, instead of seed and n."
FORMATS_TEXT = (
    "png or webp (lossless): one image, or a contact sheet for n > 1; json: a PNG in base64 for each; zip: a PNG for "
    "each, and manifest.json; npy: uint8, N H W C."
)


class DrawingRequest(StrictModel):
    """What is said of every drawing."""

    model: str | None = Field(
        None,
        max_length=200,
        description="NAME, NAME@VERSION, NAME:ALIAS or run:ID@STEP. Default: the setting GANYMEDE_DEFAULT_MODEL.",
        examples=["digits", "digits@1"],
    )
    truncation: float = Field(
        1.0,
        gt=0,
        le=1,
        allow_inf_nan=False,
        description="Shrinks the noise: pictures nearer to the middle of what was learnt, and to each other.",
    )
    scale: int = Field(1, ge=1, le=MAX_SCALE, description="Every pixel becomes a square of scale x scale of them.")


class PicturesRequest(DrawingRequest):
    """One picture, or `n` of them."""

    seed: int = Field(
        RANDOM_SEED,
        ge=RANDOM_SEED,
        lt=SEEDS,
        description="Image i is drawn from (seed + i) mod 2^32; -1 or absent: random, and reported.",
    )
    n: int = Field(1, ge=1, description="Number of images, up to GANYMEDE_MAX_IMAGES.")
    format: Format | None = Field(
        None,
        description=f"{FORMATS_TEXT} Of a model of sounds also wav and flac: one clip, or all behind one another for "
        "n > 1; zip has a WAV for each, and what is a picture is the spectrogram. Default: by Accept, or png (wav).",
    )


class GenerateRequest(PicturesRequest):
    """Pictures or sounds that can be made again from what they tell."""

    metadata: bool = Field(False, description="Each PNG tells how it was drawn, in an iTXt chunk `ganymede`.")


class GenerateQuery(GenerateRequest):
    """The query parameters of `GET /generate`."""

    seeds: str | None = Field(None, description=SEEDS_TEXT, examples=["0,1,4-6"])
    label: list[str] = Field(
        default_factory=list,
        max_length=1024,
        description="Class name or index; repeat it for one per image. Absent: seed mod classes that had pictures.",
    )


class GenerateBody(GenerateRequest, BodyModel):
    """The body of `POST /generate`."""

    seeds: str | Seeds | None = Field(None, description=SEEDS_TEXT, examples=["0,1,4-6", [0, 1, 4, 5, 6]])
    label: Label | Labels | None = Field(
        None,
        description="Class name or index, or a list with one per image. "
        "Absent or null: seed mod classes; image i mod classes with `z`.",
    )
    z: Latents | None = Field(
        None,
        description="Noise instead of seeds: a row of latent_dim numbers for each image.",
        examples=[[[0.5, -1.25, 0.0]]],
    )


class CompleteQuery(PicturesRequest):
    """The query parameters of `POST /complete`."""

    format: PictureFormat | None = Field(None, description=f"{FORMATS_TEXT} Default: by Accept, or png.")
    method: Literal["trained", "search"] = Field(
        "trained",
        description="trained: by a model that learnt to complete. search: by any that draws, in seconds: the best of "
        "256 seeds, then Adam on the noise.",
    )
    steps: int | None = Field(
        None, ge=0, le=MAX_STEPS, description="Of a search, for each draft. Default: 200; 0: the best seed as it is."
    )
    seeds: str | None = Field(None, description=SEEDS_TEXT, examples=["0,1,4-6"])
    label: list[str] = Field(
        default_factory=list,
        max_length=1024,
        description="Class name or index; repeat it for one per draft. Absent: seed mod classes that had pictures.",
    )


class ClassifyQuery(StrictModel):
    """The query parameters of `POST /classify`."""

    model: str | None = Field(
        None,
        max_length=200,
        description="NAME, NAME@VERSION, NAME:ALIAS or run:ID@STEP. Default: the setting GANYMEDE_DEFAULT_MODEL.",
        examples=["digits-read", "digits-read@1"],
    )
    top: int = Field(5, ge=1, le=1000, description="Number of classes that are told of each picture.")
