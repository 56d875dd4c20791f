"""The manifest of pictures that are in no store."""

from collections.abc import Sequence

from core.datasets.manifest import DatasetManifest


def unstored(name: str, shape: tuple[int, ...] = (0, 1, 1, 1), class_counts: Sequence[int] = ()) -> DatasetManifest:
    """shape: N H W C. class_counts: pictures of each class, whose names are numbers."""
    count, height, width, channels = shape
    return DatasetManifest(
        count=count,
        height=height,
        width=width,
        channels=channels,
        class_names=[str(index) for index in range(len(class_counts))],
        class_counts=list(class_counts),
        name=name,
        version="0",
        digest="sha256:0",
        source="a benchmark",
        licence=None,
        attribution=None,
        created_at="",
        files={},
    )
