"""What a request for pictures asks for, checked against the version that shall draw them. Knows no response.

Shape suffixes: N images, Z latent.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.engine.batch import Rows
from app.engine.engine import Engine
from app.generate import sounds
from app.generate.parameters import RANDOM_SEED, CompleteQuery, Format, GenerateBody, GenerateQuery, GenerateRequest
from app.generate.seeds import read_seeds
from app.http.negotiation import preferred
from core.errors import InvalidRequest, LabelNotSupported
from core.media.images import layout
from core.media.images.png import ENCODER
from core.refs import class_index
from ganymede.schemas.tasks import Medium
from models.noise import SEEDS, Latents, default_labels, in_one_form, seeds_from

MEDIA_TYPES: dict[Format, str] = {
    "png": "image/png",
    "webp": "image/webp",
    "json": "application/json",
    "zip": "application/zip",
    "npy": "application/x-npy",
}
CARRIERS: dict[Format, str] = {form: MEDIA_TYPES[form] for form in ("png", "json", "zip")}  # of a recipe
OF_SOUNDS: dict[Format, str] = {**sounds.MEDIA_TYPES, **MEDIA_TYPES}  # wav first: the default
CARRIERS_OF_SOUNDS: dict[Format, str] = {form: MEDIA_TYPES[form] for form in ("png", "json")}  # a WAV carries none
Asked = GenerateQuery | GenerateBody | CompleteQuery
SHEETS = frozenset({"png", "webp"})
MAX_PIXELS = 2**24  # of one answer: 64 images of 512 px, or one of them at scale 8


@dataclass(frozen=True, slots=True, eq=False)
class SamplingParams:
    """A checked request: which images, of which classes, in which form."""

    latents: Latents
    labels: list[int] | None
    form: Format
    scale: int
    tells_recipe: bool
    is_random: bool

    @property
    def seeds(self) -> Sequence[int]:
        """The seed of each image; none where noise was given."""
        return self.latents.seeds

    @property
    def rows(self) -> Rows:
        return Rows.of(self.latents, self.labels)

    @property
    def is_plain_png(self) -> bool:
        """Whether it is one picture, unscaled and without metadata."""
        return self.form == "png" and self.scale == 1 and not self.tells_recipe and len(self.latents) == 1

    @property
    def is_copy(self) -> bool:
        return self.form == "npy" and self.scale == 1

    def etag(self, engine: Engine) -> str:
        """Return a weak ETag, known before anything is drawn: engine and request determine the answer."""
        drawn = f"{engine.identity}|{ENCODER}|{engine.name}@{engine.version}|{self.latents.seeds}|{self.labels}"
        facts = f"{drawn}|{self.latents.truncation}|{self.scale}|{self.form}|{self.tells_recipe}"
        if is_of_sounds(engine):
            facts += f"|{sounds.ENCODER}"
        digest = hashlib.sha256(facts.encode())
        if self.latents.given_NZ is not None:
            digest.update(self.latents.given_NZ.tobytes())
        return f'W/"{digest.hexdigest()[:32]}"'


def check(request: Asked, engine: Engine, accept: str, max_images: int, prefix: str = "") -> SamplingParams:
    """Check a request against `engine`.

    Raises:
        InvalidRequest: a field is out of range or does not go with another, named by `prefix` + field.
        LabelNotSupported: a label was given, and the model knows none.
        NotAcceptable: neither `format` nor the Accept header names a form that can be sent.
    """
    form = _form(request, engine, accept, prefix)
    latents = _latents(request, engine.latent_dim, max_images, prefix)
    defaults = latents.seeds if latents.given_NZ is None else range(len(latents))
    params = SamplingParams(
        latents=latents,
        labels=labels_of(request.label, engine, defaults, f"{prefix}label"),
        form=form,
        scale=request.scale,
        tells_recipe=_tells_recipe(request),
        is_random=latents.given_NZ is None and request.seeds is None and request.seed == RANDOM_SEED,
    )
    images = "z" if latents.given_NZ is not None else "n" if request.seeds is None else "seeds"
    pointers = f"{prefix}{images}", f"{prefix}scale"
    if is_sound(form, engine):
        _check_clips(params, pointers)
    else:
        _check_size(params, engine.manifest.image_size, pointers)
    return params


def is_of_sounds(engine: Engine) -> bool:
    return engine.manifest.medium == Medium.AUDIO


def is_sound(form: Format, engine: Engine) -> bool:
    """Return whether the answer has sounds in it."""
    return form in sounds.MEDIA_TYPES or (form == "zip" and is_of_sounds(engine))


def _tells_recipe(request: Asked) -> bool:
    return isinstance(request, GenerateRequest) and request.metadata


def _form(request: Asked, engine: Engine, accept: str, prefix: str) -> Format:
    types, carriers = (OF_SOUNDS, CARRIERS_OF_SOUNDS) if is_of_sounds(engine) else (MEDIA_TYPES, CARRIERS)
    if request.format not in (None, *types):
        why = f"{engine.name} makes pictures, and {request.format} is for sounds; it sends {', '.join(types)}"
        raise InvalidRequest.field(f"{prefix}format", why)
    if _tells_recipe(request) and request.format not in (None, *carriers):
        raise InvalidRequest.field(
            f"{prefix}metadata", f"only {', '.join(carriers)} can carry it; the format is {request.format}"
        )
    return request.format or preferred(accept, carriers if _tells_recipe(request) else types)


def _latents(request: Asked, latent_dim: int, max_images: int, prefix: str) -> Latents:
    if isinstance(request, GenerateBody) and request.z is not None:
        _check_alone(request, "z", ("seed", "n", "seeds"), prefix)
        return Latents((), request.truncation, _given(request.z, latent_dim, max_images, f"{prefix}z"))
    if request.seeds is not None:
        _check_alone(request, "seeds", ("seed", "n"), prefix)
        return Latents(in_one_form(read_seeds(request.seeds, max_images, f"{prefix}seeds")), request.truncation)
    if request.n > max_images:
        raise InvalidRequest.field(f"{prefix}n", f"1 to {max_images}, got {request.n}")
    seed = secrets.randbelow(SEEDS) if request.seed == RANDOM_SEED else request.seed
    return Latents(seeds_from(seed, request.n), request.truncation)


def _check_alone(request: Asked, instead: str, others: tuple[str, ...], prefix: str) -> None:
    for name in others:
        if name in request.model_fields_set and getattr(request, name) is not None:
            raise InvalidRequest.field(f"{prefix}{name}", f"leave it out, or leave out {instead}")


def _given(z: list[list[float]], latent_dim: int, max_images: int, pointer: str) -> npt.NDArray[np.float32]:
    """Return given noise (N, Z); its numbers are known to be finite."""
    if not 1 <= len(z) <= max_images:
        raise InvalidRequest.field(pointer, f"1 to {max_images} rows, got {len(z)}")
    for i, row in enumerate(z):
        if len(row) != latent_dim:
            raise InvalidRequest.field(f"{pointer}/{i}", f"{latent_dim} numbers a row, got {len(row)}")
    return np.array(z, np.float32)


def _check_size(params: SamplingParams, side: int, pointers: tuple[str, str]) -> None:
    count = len(params.latents)
    rows, columns = layout(count) if params.form in SHEETS else (count, 1)
    check_pixels(count, rows * columns, side, params.scale, pointers)


def _check_clips(params: SamplingParams, pointers: tuple[str, str]) -> None:
    if params.scale != 1:
        raise InvalidRequest.field(pointers[1], "a sound has no pixels; leave it out, or ask for png")
    if len(params.latents) > sounds.MOST_CLIPS:
        raise InvalidRequest.field(pointers[0], f"an answer may have up to {sounds.MOST_CLIPS} sounds")


def check_pixels(count: int, cells: int, side: int, scale: int, pointers: tuple[str, str]) -> None:
    """Refuse more pixels than an answer may have; `pointers` name the number of images, and the scale.

    cells: places for the images in the answer, a few of which may be empty.
    """
    pixels = cells * (side * scale) ** 2
    if pixels > MAX_PIXELS:
        scaled = f" at scale {scale}" if scale > 1 else ""
        raise InvalidRequest.field(
            pointers[1] if scaled else pointers[0],
            f"an answer may have up to {MAX_PIXELS} pixels; {count} images of {side} x {side}{scaled} have {pixels}",
        )


def labels_of(given: Any, engine: Engine, defaults: Any, pointer: str) -> list[int] | None:
    """Return the class of each image; without a label, image i has class `defaults[i]` mod classes."""
    names = engine.labels
    given = given if isinstance(given, list) else [] if given is None else [given]
    if not names:
        if given:
            raise LabelNotSupported.field(pointer, "this model was trained without labels")
        return None
    if not given:
        return default_labels(defaults, len(names), engine.default_labels)
    if len(given) not in (1, len(defaults)):  # before any is looked up: a body has room for hundreds of thousands
        raise InvalidRequest.field(pointer, f"one label, or one per image ({len(defaults)}); got {len(given)}")
    indices = [class_index(label, names, pointer) for label in given]
    return indices * len(defaults) if len(indices) == 1 else indices
