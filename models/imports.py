"""A model from another service to a version here: every check before anything is stored. Knows no HTTP.

What comes in is untrusted: the manifest is read field by field, what it does not know is dropped; the weights must be
what the manifest says, finite, of a size that could have been trained here, and draw something.
"""

import contextlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic.json_schema import SkipJsonSchema

from core.datasets import MAX_CLASS_NAME, MAX_CLASSES
from core.errors import Conflict, FieldProblem, InvalidRequest, RunNotFound, StoreDamaged
from core.keys import ANYONE, Asker
from core.media import images
from core.registry import Registry, VersionManifest
from core.registry.manifest import FIRST_REVISION, GENERATION, IMAGE, MANIFEST_FILE
from core.runs import RunStore
from core.store import SCHEMA, files, list_files
from ganymede.schemas.sound import AudioFormat
from models.noise import DISTRIBUTION
from models.publish import publish_folder
from models.sizes import CONFIGS
from models.subjects import of_noise
from models.version import SAMPLES_FILE, WEIGHTS_FILE, misfits, unknown

WEIGHTS_PART, MANIFEST_PART = "weights", "manifest"
MAX_MANIFEST_BYTES = 1 << 20
MAX_CONFUSED = 100  # classes of which it is kept

Text = Annotated[str, Field(max_length=2000)]
Label = Annotated[str, Field(min_length=1, max_length=MAX_CLASS_NAME)]
Count = Annotated[int, Field(ge=0, lt=2**53)]
Confused = Annotated[list[Count], Field(max_length=MAX_CONFUSED)]


class ManifestPart(BaseModel):
    """A part of a manifest: its types as they are in JSON; what another build added is dropped."""

    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


class DatasetFacts(ManifestPart):
    """What a generator learnt from."""

    name: Text
    version: Text | None = None
    digest: Text | None = None
    licence: Text | None = None
    attribution: Text | None = None
    options: dict[Text, Text] | None = Field(None, max_length=64)


class FileFacts(ManifestPart):
    """Size and digest of a file."""

    bytes: Count
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class InitFacts(ManifestPart):
    """The weights that the run started from."""

    reference: Text
    digest: Text


class ListedFiles(ManifestPart):
    """The files of a version."""

    model_config = ConfigDict(extra="forbid")

    weights: FileFacts = Field(alias=WEIGHTS_FILE)
    samples: FileFacts | None = Field(None, alias=SAMPLES_FILE)  # drawn anew here


class Manifest(ManifestPart):
    """manifest.json of a version, as `write_generator` writes it."""

    schema_number: Literal[1] = Field(alias="schema")
    run: str = Field(pattern=r"^run_[0-9a-f]{20}$")
    branch: Annotated[int, Field(ge=0, lt=10**9)]
    step: Annotated[int, Field(ge=0, lt=10**12)]
    images_seen: Count
    recipe: str = Field(min_length=1, max_length=64)
    task: SkipJsonSchema[str] = GENERATION
    medium: SkipJsonSchema[str] = IMAGE
    audio: SkipJsonSchema[AudioFormat | None] = None
    architecture: str
    revision: SkipJsonSchema[int] = FIRST_REVISION
    image_size: int
    channels: Literal[1, 3]
    latent_dim: int
    noise: Literal["standard_normal"]
    labels: list[Label] = Field(max_length=MAX_CLASSES)
    default_labels: list[Count] | None = Field(None, min_length=1, max_length=MAX_CLASSES)  # classes drawn unasked
    dataset: DatasetFacts
    metrics: dict[Annotated[str, Field(max_length=64)], float | None] = Field(max_length=64)
    confusion: list[Confused] | None = Field(None, max_length=MAX_CONFUSED)
    init: InitFacts | None = None
    created_at: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$")
    digest: str
    files: ListedFiles

    @field_validator("architecture")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in CONFIGS:
            raise ValueError(f"this build knows {', '.join(CONFIGS)}; got {name[:80]!r}")
        return name

    @field_validator("default_labels")
    @classmethod
    def _are_classes(cls, classes: list[int] | None, info: ValidationInfo) -> list[int] | None:
        if classes is not None and not set(classes) <= set(range(len(info.data.get("labels", [])))):
            raise ValueError("expected indices of labels")
        return classes

    @field_validator("labels")
    @classmethod
    def _are_names(cls, labels: list[str]) -> list[str]:
        if len(set(labels)) < len(labels) or not all(label.isprintable() for label in labels):
            raise ValueError("class names are printable, and no two are the same")
        return labels


assert SCHEMA == 1
assert DISTRIBUTION == "standard_normal"


def import_folder(
    registry: Registry, runs: RunStore, model: str, folder: Path, asker: Asker = ANYONE
) -> tuple[int, bool]:
    """Publish what was received in `folder` (files `weights` and `manifest`); the weights are moved out of it.

    Returns the version, and False if these weights of this (run, branch, step) had been published before.

    Raises:
        InvalidRequest: a part cannot be used; nothing is stored.
        ScopeMissing: another key than that of `asker` made the model.
        Conflict: other weights were published for the same run, branch and step, or that run still trains here.
    """
    manifest = read_manifest((folder / MANIFEST_PART).read_bytes())
    _check_not_training(registry, runs, model, manifest)
    (folder / WEIGHTS_PART).rename(folder / WEIGHTS_FILE)
    _check_digest(folder / WEIGHTS_FILE, manifest)
    (folder / SAMPLES_FILE).write_bytes(images.to_webp(_sheet(folder / WEIGHTS_FILE, manifest)))
    listed = list_files(folder, WEIGHTS_FILE, SAMPLES_FILE)
    manifest.model_copy(update={"files": listed, "made_by": asker.key}).write(folder / MANIFEST_FILE)
    version, is_new = publish_folder(registry, model, folder, by_hand=True, move=True, asker=asker)
    if registry.manifest(model, version).digest != manifest.digest:
        key = f"run {manifest.run}, branch {manifest.branch}, step {manifest.step}"
        raise Conflict(f"version {version} of model {model!r} was published from {key} with other weights")
    return version, is_new


def read_manifest(text: bytes) -> VersionManifest:
    """Parse an uploaded manifest; InvalidRequest names each wrong field."""
    try:
        uploaded = Manifest.model_validate_json(text)
    except ValidationError as error:
        entries = error.errors(include_url=False, include_context=False, include_input=False)[:20]
        problems = [FieldProblem(_pointer(each["loc"]), each["msg"].removeprefix("Value error, ")) for each in entries]
    else:
        listed = uploaded.files.model_dump(by_alias=True, exclude_none=True)
        manifest = VersionManifest.model_validate(
            uploaded.model_dump(by_alias=True, exclude={"schema_number"}) | {"files": listed}
        )
        problems = [
            FieldProblem(_pointer((field,)), f"this build knows {known}; got {str(found)[:80]!a}")
            for field, found, known in unknown(manifest)
        ]
        if not problems:
            return manifest
    raise InvalidRequest("; ".join(f"{p.pointer}: {p.detail}" for p in problems), problems)


def _pointer(location: tuple[int | str, ...]) -> str:
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in location)
    return "/".join([f"/{MANIFEST_PART}", *parts])


def _check_not_training(registry: Registry, runs: RunStore, model: str, manifest: VersionManifest) -> None:
    """Refuse a key that a run here is yet to publish, or it would be taken for published."""
    if str(manifest.key) in registry.pointers(model).published:
        return
    with contextlib.suppress(RunNotFound, StoreDamaged):
        if not runs.get(manifest.run).state().status.is_terminal:
            raise Conflict(f"run {manifest.run} is not over here; publish one of its checkpoints, or wait for its end")


def _check_digest(weights: Path, manifest: VersionManifest) -> None:
    facts = manifest.files[WEIGHTS_FILE]
    if weights.stat().st_size != facts.bytes:
        raise InvalidRequest.field(
            f"/{WEIGHTS_PART}", f"has {weights.stat().st_size} bytes, the manifest says {facts.bytes}"
        )
    if files.sha256_file(weights) != facts.sha256:
        raise InvalidRequest.field(f"/{WEIGHTS_PART}", "does not have the SHA-256 that the manifest says")
    if manifest.digest != f"sha256:{facts.sha256}":
        raise InvalidRequest.field(f"/{MANIFEST_PART}/digest", f"is not that of {WEIGHTS_FILE}")


def _sheet(weights: Path, manifest: VersionManifest) -> images.Images:
    """Draw the grid of samples, once the weights are known to be sound."""
    from models import sampling  # and torch, which few requests need
    from models.weights import is_finite, load_generator

    try:
        generator, config = load_generator(weights)
    except StoreDamaged as error:
        raise InvalidRequest.field(f"/{WEIGHTS_PART}", str(error)) from None
    if not is_finite(generator):
        raise InvalidRequest.field(f"/{WEIGHTS_PART}", "has weights that are not finite numbers")
    if type(config) is not CONFIGS[manifest.architecture]:
        raise InvalidRequest.field(f"/{MANIFEST_PART}/architecture", "is not that of the weights")
    if wrong := misfits(manifest, config):
        problems = [FieldProblem(f"/{MANIFEST_PART}/{field}", "does not describe the weights") for field in wrong]
        raise InvalidRequest(f"the manifest does not describe the weights: {', '.join(wrong)}", problems)
    if sampling.is_constant(generator, config, manifest.default_labels):
        raise InvalidRequest.field(f"/{WEIGHTS_PART}", "gives the same for every seed, or for every picture")
    return sampling.sheet(generator, config, manifest.default_labels, of_noise(config))
