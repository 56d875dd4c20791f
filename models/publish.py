"""The averaged generator of a run to a folder that can be served: weights, manifest, samples. Knows no trainer.

The folder is written once, inside a checkpoint; publishing copies it as a version of a model.
"""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from core import images
from core.clock import timestamp
from core.datasets.manifest import DatasetManifest
from core.errors import StoreDamaged
from core.keys import ANYONE, Asker
from core.registry import PublishKey, Registry, VersionManifest
from core.registry.manifest import MANIFEST_FILE, LearntFrom, StartedFrom
from core.store import check_files, files, list_files
from ganymede.schemas.keys import KeyRef
from models import sampling
from models.noise import DISTRIBUTION, classes_with_images
from models.weights import WEIGHTS_FILE, revision_of, save_generator

SAMPLES_FILE = "samples.webp"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lineage:
    """Where a generator comes from: what its manifest says beside facts about files."""

    run: str
    branch: int
    step: int
    images_seen: int
    recipe: str
    architecture: str
    network: Any  # the architecture's config
    dataset: DatasetManifest
    metrics: dict[str, float | None]
    init: StartedFrom | None = None
    made_by: KeyRef | None = None

    @property
    def key(self) -> PublishKey:
        return PublishKey(self.run, self.branch, self.step)


def write_generator(folder: Path, generator: nn.Module, lineage: Lineage) -> None:
    """Fill `folder` with generator.safetensors, samples.webp and manifest.json. `generator` is in eval mode."""
    network, dataset = lineage.network, lineage.dataset
    classes = classes_with_images(dataset.class_counts) if network.num_classes else None
    save_generator(folder / WEIGHTS_FILE, generator, lineage.architecture, network)
    sheet = sampling.draw_grid(generator, network.latent_dim, network.num_classes, classes)
    (folder / SAMPLES_FILE).write_bytes(images.to_webp(sheet))
    listed = list_files(folder, WEIGHTS_FILE, SAMPLES_FILE)
    manifest = VersionManifest(
        run=lineage.run,
        branch=lineage.branch,
        step=lineage.step,
        images_seen=lineage.images_seen,
        recipe=lineage.recipe,
        architecture=lineage.architecture,
        revision=revision_of(network),
        image_size=network.image_size,
        channels=network.channels,
        latent_dim=network.latent_dim,
        noise=DISTRIBUTION,
        labels=list(dataset.class_names) if network.num_classes else [],
        default_labels=classes,
        dataset=LearntFrom.model_validate(dataset.model_dump(include=set(LearntFrom.model_fields))),
        metrics=lineage.metrics,
        init=lineage.init,
        made_by=lineage.made_by,
        created_at=timestamp(),
        digest=f"sha256:{listed[WEIGHTS_FILE].sha256}",
        files=listed,
    )
    manifest.write(folder / MANIFEST_FILE)


def publish_folder(
    registry: Registry,
    model: str,
    folder: Path,
    *,
    by_hand: bool = False,
    move: bool = False,
    again: bool = False,
    asker: Asker = ANYONE,
) -> tuple[int, bool]:
    """Publish a folder that write_generator filled; returns the version and whether it is new.

    by_hand, asker: see Registry.publish. move: the folder is given up, its files are not copied. again: see PublishKey.

    Raises:
        StoreDamaged: the folder's files do not match its manifest; nothing is published.
    """
    manifest = read_manifest(folder / MANIFEST_FILE)
    check_files(folder, manifest.files)

    def fill(target: Path) -> None:
        for name in (*manifest.files, MANIFEST_FILE):
            if move:
                (folder / name).rename(target / name)
            else:
                shutil.copyfile(folder / name, target / name)  # a link would share every later damage

    return registry.publish(model, replace(manifest.key, again=again), fill, by_hand=by_hand, asker=asker)


def read_manifest(path: Path) -> VersionManifest:
    """Read a folder's manifest; StoreDamaged if it is missing, or lists no weights."""
    try:
        manifest = VersionManifest.read(path)
    except FileNotFoundError:
        raise StoreDamaged(f"{files.shown(path)} is missing") from None
    if WEIGHTS_FILE not in manifest.files:
        raise StoreDamaged(f"{files.shown(path)} lists no {WEIGHTS_FILE}")
    return manifest
