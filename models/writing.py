"""The averaged generator of a run to a folder that can be served: weights, manifest, samples. Knows no trainer.

The folder is written once, inside a checkpoint; publishing copies it as a version of a model.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from core.datasets.manifest import DatasetManifest
from core.machine.clock import timestamp
from core.media import images
from core.registry import PublishKey, VersionManifest
from core.registry.manifest import MANIFEST_FILE, LearntFrom, StartedFrom
from core.store import list_files
from ganymede.schemas.keys import KeyRef
from models import sampling
from models.noise import DISTRIBUTION, classes_with_images
from models.subjects import Subjects
from models.version import SAMPLES_FILE, WEIGHTS_FILE, revision_of
from models.weights import save_generator


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
    confusion: list[list[int]] | None = None

    @property
    def key(self) -> PublishKey:
        return PublishKey(self.run, self.branch, self.step)


def write_generator(folder: Path, generator: nn.Module, lineage: Lineage, subjects: Subjects | None = None) -> None:
    """Fill `folder` with generator.safetensors, samples.webp and manifest.json. `generator` is in eval mode.

    subjects: what its samples complete or classify, if it does.
    """
    network, dataset = lineage.network, lineage.dataset
    classes = classes_with_images(dataset.class_counts) if network.num_classes else None
    save_generator(folder / WEIGHTS_FILE, generator, lineage.architecture, network)
    (folder / SAMPLES_FILE).write_bytes(images.to_webp(sampling.sheet(generator, network, classes, subjects)))
    listed = list_files(folder, WEIGHTS_FILE, SAMPLES_FILE)
    manifest = VersionManifest(
        run=lineage.run,
        branch=lineage.branch,
        step=lineage.step,
        images_seen=lineage.images_seen,
        recipe=lineage.recipe,
        task=network.TASK,
        medium=dataset.medium,
        audio=dataset.audio,
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
        confusion=lineage.confusion,
        init=lineage.init,
        made_by=lineage.made_by,
        created_at=timestamp(),
        digest=f"sha256:{listed[WEIGHTS_FILE].sha256}",
        files=listed,
    )
    manifest.write(folder / MANIFEST_FILE)
