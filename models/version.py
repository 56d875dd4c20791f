"""The files of a version, and what this build asks of its manifest. Loads no torch."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from core.errors import StoreDamaged
from core.media.sound import LOG_MEL
from core.registry import VersionManifest
from core.registry.manifest import FIRST_REVISION
from core.store import files
from ganymede.schemas.tasks import Medium, VersionTask
from models.sizes import CONFIGS

WEIGHTS_FILE, SAMPLES_FILE = "generator.safetensors", "samples.webp"
SERVED = (VersionTask.GENERATION, VersionTask.COMPLETION, VersionTask.CLASSIFICATION)


def read_manifest(path: Path) -> VersionManifest:
    """Read a folder's manifest; StoreDamaged if it is missing, or lists no weights."""
    try:
        manifest = VersionManifest.read(path)
    except FileNotFoundError:
        raise StoreDamaged(f"{files.shown(path)} is missing") from None
    if WEIGHTS_FILE not in manifest.files:
        raise StoreDamaged(f"{files.shown(path)} lists no {WEIGHTS_FILE}")
    return manifest


def unknown(manifest: VersionManifest) -> Iterator[tuple[str, str | int, str]]:
    """Yield fields of a manifest that this build does not know: name, value, and what it knows."""
    known: dict[str, Iterable[str | int]] = {"task": SERVED, "medium": tuple(Medium), "architecture": CONFIGS}
    if manifest.medium == Medium.AUDIO and manifest.audio != LOG_MEL:
        yield "audio", str(manifest.audio), str(LOG_MEL)
    if manifest.architecture in CONFIGS:
        known["revision"] = range(1, CONFIGS[manifest.architecture].NEWEST + 1)
    for field, values in known.items():
        if getattr(manifest, field) not in values:
            yield field, getattr(manifest, field), ", ".join(map(str, values))


def misfits(manifest: VersionManifest, config: Any) -> list[str]:
    """Return fields in which a manifest differs from the config of its weights."""
    pairs: dict[str, tuple[object, object]] = {
        "image_size": (manifest.image_size, config.image_size),
        "channels": (manifest.channels, config.channels),
        "latent_dim": (manifest.latent_dim, config.latent_dim),
        "labels": (len(manifest.labels), config.num_classes),
        "task": (manifest.task, config.TASK),
    }
    if manifest.audio is not None:
        drawn = (config.image_size, config.image_size, config.channels)
        pairs["audio"] = (manifest.audio.bands, manifest.audio.frames, 1), drawn
    if manifest.revision != FIRST_REVISION:  # an earlier build left it to the weights
        pairs["revision"] = manifest.revision, revision_of(config)
    return [field for field, (said, is_so) in pairs.items() if said != is_so]


def revision_of(config: Any) -> int:
    return int(getattr(config, "revision", FIRST_REVISION))
