"""Manifests for tests in which it does not matter what they say."""

import json
from pathlib import Path
from typing import Any

from core.datasets.manifest import DatasetManifest
from core.registry import PublishKey, VersionManifest
from core.registry.manifest import MANIFEST_FILE, LearntFrom


def version_manifest(key: PublishKey, **changes: Any) -> VersionManifest:
    """That of a tiny cgan, whose files are not there."""
    manifest = VersionManifest(
        run=key.run,
        branch=key.branch,
        step=key.step,
        images_seen=16 * key.step,
        recipe="cgan",
        architecture="dcgan",
        image_size=8,
        channels=1,
        latent_dim=4,
        noise="standard_normal",
        labels=["circle", "square", "cross"],
        dataset=LearntFrom(name="shapes"),
        metrics={},
        created_at="2026-01-01T00:00:00.000Z",
        digest="sha256:0",
        files={},
    )
    return VersionManifest.model_validate(manifest.model_dump() | changes)


def write_manifest(folder: Path, key: PublishKey) -> None:
    version_manifest(key).write(folder / MANIFEST_FILE)


def rewrite_manifest(folder: Path, **changes: object) -> None:
    """Put other fields into the one that is there, be they such as no manifest has."""
    path = folder / MANIFEST_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def dataset_manifest(name: str = "shapes", **changes: Any) -> DatasetManifest:
    """That of 96 grey pictures of 8 px in three classes, whose files are not there."""
    manifest = DatasetManifest(
        count=96,
        height=8,
        width=8,
        channels=1,
        class_names=["circle", "square", "cross"],
        class_counts=[32, 32, 32],
        name=name,
        version="0",
        digest="sha256:0",
        source="a test",
        licence=None,
        attribution=None,
        created_at="2026-01-01T00:00:00.000Z",
        files={},
    )
    return changed(manifest, **changes)


def changed(manifest: DatasetManifest, **changes: Any) -> DatasetManifest:
    """With other values of some fields; the counts follow the names of the classes."""
    assert changes.keys() <= DatasetManifest.model_fields.keys()
    if "class_names" in changes:
        changes = {"class_counts": [32] * len(changes["class_names"]), **changes}
    return DatasetManifest.model_validate(manifest.model_dump(exclude_unset=True) | changes)
