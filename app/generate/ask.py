"""What a request for pictures asks for, checked against the model it names. Knows no engine and no response."""

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from app.negotiation import preferred
from core.errors import InvalidRequest, LabelNotSupported
from core.specs import StrictModel
from models.noise import SEEDS, default_labels, seeds_from

Format = Literal["png", "npy"]
Label = Annotated[int | str, Field(union_mode="left_to_right")]
MEDIA_TYPES: dict[Format, str] = {"png": "image/png", "npy": "application/x-npy"}
RANDOM_SEED = -1


class GenerateRequest(StrictModel):
    """One picture, or `n` of them."""

    model: str | None = Field(
        None,
        max_length=200,
        description="NAME, NAME@VERSION, NAME:ALIAS or run:ID@STEP. Default: the setting GANYMEDE_DEFAULT_MODEL.",
        examples=["digits", "digits@1"],
    )
    seed: int = Field(
        RANDOM_SEED,
        ge=RANDOM_SEED,
        lt=SEEDS,
        description="Image i is drawn from (seed + i) mod 2^32; -1 or absent: random, and reported.",
    )
    n: int = Field(1, ge=1, description="Number of images, up to GANYMEDE_MAX_IMAGES.")
    format: Format | None = Field(
        None,
        description="png: one image, or a contact sheet for n > 1; npy: uint8, N H W C. Default: by Accept, or png.",
    )


class GenerateQuery(GenerateRequest):
    """The query parameters of `GET /generate`."""

    label: list[str] = Field(
        default_factory=list,
        max_length=1024,
        description="Class name or index; repeat it for one per image. Absent: seed mod classes.",
    )


class GenerateBody(GenerateRequest):
    """The body of `POST /generate`."""

    label: Label | list[Label] | None = Field(
        None, description="Class name or index, or a list with one per image. Absent or null: seed mod classes."
    )


@dataclass(frozen=True, slots=True)
class Ask:
    """A checked request: which images, of which classes, in which form."""

    seeds: list[int]
    labels: list[int] | None
    format: Format
    is_random: bool

    def etag(self, identity: str) -> str:
        """A weak ETag of the answer, known before it is drawn: the engine's identity and the request say it all."""
        facts = [identity, self.seeds, self.labels, self.format]
        return f'W/"{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]}"'


def check(
    request: GenerateQuery | GenerateBody, labels: list[str], accept: str, max_images: int, prefix: str = ""
) -> Ask:
    """Turn a request into an Ask for a model with the class names `labels`.

    Raises:
        InvalidRequest: `n` or `label` is out of range, named by `prefix` + field.
        LabelNotSupported: a label was given, and the model knows none.
        NotAcceptable: neither `format` nor the Accept header names a form that can be sent.
    """
    if request.n > max_images:
        raise InvalidRequest.field(f"{prefix}n", f"1 to {max_images}, got {request.n}")
    is_random = request.seed == RANDOM_SEED
    seeds = seeds_from(secrets.randbelow(SEEDS) if is_random else request.seed, request.n)
    return Ask(
        seeds=seeds,
        labels=_labels(request.label, labels, seeds, f"{prefix}label"),
        format=request.format or preferred(accept, MEDIA_TYPES),
        is_random=is_random,
    )


def _labels(given: Any, names: list[str], seeds: list[int], pointer: str) -> list[int] | None:
    given = given if isinstance(given, list) else [] if given is None else [given]
    if not names:
        if given:
            raise LabelNotSupported.field(pointer, "this model was trained without labels")
        return None
    if not given:
        return default_labels(seeds, len(names))
    indices = [_label_index(label, names, pointer) for label in given]
    if len(indices) == 1:
        return indices * len(seeds)
    if len(indices) != len(seeds):
        raise InvalidRequest.field(pointer, f"one label, or one per image ({len(seeds)}); got {len(indices)}")
    return indices


def _label_index(label: int | str, names: list[str], pointer: str) -> int:
    """A class by its name or its index; where a class is named like another's index, the name wins."""
    if isinstance(label, str) and label in names:
        return names.index(label)
    digits = str(label)
    if digits.isascii() and digits.isdecimal() and len(digits) < 10 and int(digits) < len(names):
        return int(digits)
    shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    raise InvalidRequest.field(pointer, f"0 to {len(names) - 1}, or one of: {shown}; got {str(label)[:80]!r}")
