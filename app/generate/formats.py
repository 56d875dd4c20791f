"""Pixels to the files that /generate answers with, and what each tells of itself. Knows no request and no queue.

Equal pixels, seeds and labels give equal bytes: no file holds a time.

Shape suffixes: N images, Z latent, H height, W width, C channels, S samples.
"""

import base64
import io
import re
import zipfile
from collections.abc import Iterator

from app.engine.engine import Engine
from app.generate import sounds
from app.generate.sampling import SamplingParams, is_sound
from core.media.images import Images, contact_sheet, enlarge, to_npy, to_webp
from core.media.images.png import write_png
from core.media.sound.files import to_wav
from ganymede.schemas.drawings import (
    MANIFEST,
    DrawnFacts,
    DrawnImage,
    DrawnImages,
    EncodedImage,
    Provenance,
    StoredImage,
    ZipManifest,
)

EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment a zip can name
UNIX, READABLE = 3, 0o100644 << 16  # of the entries of a zip: what wrote them, and who may read them
LONGEST_NAME = 40  # of a class, in a file's name
# Seconds of one thread a byte of pixels that is written, at the upper end of what was measured: what is promised too
# early cannot be kept. How fast they are where the service runs is found out there.
WEBP_S, OTHER_S = 120e-9, 5e-9
FILE_S = 100e-6  # of one file, however small
UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def encode(drawn_NHWC: Images, params: SamplingParams, engine: Engine) -> bytes:
    if params.form in sounds.MEDIA_TYPES:
        return sounds.encode(drawn_NHWC, params.seeds, params.form, engine)
    if params.form == "npy":
        return to_npy(enlarge(drawn_NHWC, params.scale))
    if params.form == "json":
        return _json(drawn_NHWC, params, engine)
    if params.form == "zip":
        return _zip(drawn_NHWC, params, engine)
    picture_HWC = one_picture(drawn_NHWC, params.scale)
    if params.form == "webp":
        return to_webp(picture_HWC)
    return write_png(
        picture_HWC, recipe(params, engine).model_dump_json(exclude_none=True) if params.tells_recipe else None
    )


def work_of(params: SamplingParams, engine: Engine) -> float:
    """Estimate the seconds of one thread that `encode` takes."""
    count, pixels = len(params.latents), engine.image_bytes * params.scale**2
    num_files = count if params.form in ("json", "zip") else 1
    if is_sound(params.form, engine):
        return num_files * FILE_S + sounds.work_of(count, engine)
    return num_files * FILE_S + count * pixels * (WEBP_S if params.form == "webp" else OTHER_S)


def one_picture(drawn_NHWC: Images, scale: int) -> Images:
    """Return one image, or the contact sheet of several: (H, W, C)."""
    sheet_HWC = drawn_NHWC[0] if len(drawn_NHWC) == 1 else contact_sheet(drawn_NHWC)
    return enlarge(sheet_HWC[None], scale)[0]


def recipe(params: SamplingParams, engine: Engine, only: int | None = None) -> Provenance:
    """Describe how to draw these images again, or `only` one of them."""
    part = slice(None) if only is None else slice(only, only + 1)
    seeds, labels, given_NZ = list(params.seeds[part]), (params.labels or [])[part], params.latents.given_NZ
    return Provenance(
        model=engine.name,
        version=public_version(engine),
        digest=engine.digest,
        seed=seeds[0] if len(seeds) == 1 else seeds or None,
        label=labels[0] if len(labels) == 1 else labels or None,
        # by way of the shortest text: the same float32 again, without the digits that a float64 would show
        z=None if given_NZ is None else [[float(str(x)) for x in row] for row in given_NZ[part]],
        truncation=params.latents.truncation,
        scale=params.scale,
    )


def public_version(engine: Engine) -> int | str:
    """Return a version's number, or a checkpoint's BRANCH-STEP."""
    return engine.version if isinstance(engine.version, int) else str(engine.version)


def facts_of(drawn_NHWC: Images, truncation: float, scale: int, engine: Engine) -> DrawnFacts:
    _, height, width, channels = drawn_NHWC.shape
    return DrawnFacts(
        model=engine.name,
        version=public_version(engine),
        digest=engine.digest,
        truncation=truncation,
        scale=scale,
        height=height * scale,
        width=width * scale,
        channels=channels,
        sample_rate=engine.manifest.audio and engine.manifest.audio.sample_rate,
    )


def _each(drawn_NHWC: Images, params: SamplingParams, engine: Engine) -> Iterator[tuple[DrawnImage, bytes]]:
    """Yield every image with its provenance, and as a file."""
    names = engine.labels
    files = _wavs if is_sound(params.form, engine) else _pngs
    for i, content in enumerate(files(drawn_NHWC, params, engine)):
        label = None if params.labels is None else params.labels[i]
        entry = DrawnImage(
            seed=params.latents.seeds[i] if params.latents.seeds else None,
            label=label,
            label_name=None if label is None else names[label],
        )
        yield entry, content


def _pngs(drawn_NHWC: Images, params: SamplingParams, engine: Engine) -> Iterator[bytes]:
    for i, image_HWC in enumerate(enlarge(drawn_NHWC, params.scale)):
        text = recipe(params, engine, i).model_dump_json(exclude_none=True) if params.tells_recipe else None
        yield write_png(image_HWC, text)


def _wavs(drawn_NHWC: Images, params: SamplingParams, engine: Engine) -> Iterator[bytes]:
    rate = sounds.audio_of(engine).sample_rate
    return (to_wav(clip_S, rate) for clip_S in sounds.clips(drawn_NHWC, params.seeds, engine))


def _json(drawn_NHWC: Images, params: SamplingParams, engine: Engine) -> bytes:
    images = [
        EncodedImage(**dict(entry), png=base64.b64encode(png).decode())
        for entry, png in _each(drawn_NHWC, params, engine)
    ]
    return DrawnImages(**dict(_facts(drawn_NHWC, params, engine)), images=images).model_dump_json().encode()


def _zip(drawn_NHWC: Images, params: SamplingParams, engine: Engine) -> bytes:
    buffer, stored = io.BytesIO(), []
    with zipfile.ZipFile(buffer, "w") as archive:
        ending = "wav" if is_sound(params.form, engine) else "png"
        for i, (entry, content) in enumerate(_each(drawn_NHWC, params, engine)):
            stored.append(StoredImage(**dict(entry), file=f"{_name(i, entry)}.{ending}"))
            add_file(archive, stored[-1].file, content)
        manifest = ZipManifest(**dict(_facts(drawn_NHWC, params, engine)), images=stored)
        add_file(archive, MANIFEST, manifest.model_dump_json(indent=2).encode() + b"\n")
    return buffer.getvalue()


def _facts(drawn_NHWC: Images, params: SamplingParams, engine: Engine) -> DrawnFacts:
    return facts_of(drawn_NHWC, params.latents.truncation, params.scale, engine)


def add_file(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, EPOCH)  # stored as it is: a PNG does not get smaller, and a WAV not much
    entry.create_system, entry.external_attr = UNIX, READABLE
    archive.writestr(entry, content)


def _name(i: int, entry: DrawnImage) -> str:
    """Name a file like `0000-seed-42-label-7`: the class by its name, in letters of every file system."""
    parts = [f"{i:04d}"]
    if entry.seed is not None:
        parts.append(f"seed-{entry.seed}")
    if entry.label_name is not None:
        parts.append(f"label-{safe(entry.label_name) or entry.label}")
    return "-".join(parts)


def safe(text: str) -> str:
    """Return a text as part of a file's name; empty where no letter can stand there."""
    return UNSAFE.sub("_", text)[:LONGEST_NAME].strip("._-")
