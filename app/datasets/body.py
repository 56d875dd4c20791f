"""Datasets as a client sees them. Knows the stored record, no request."""

from typing import Annotated

from fastapi import Path

from app.deps import Services
from app.http.proxy import address
from core.datasets import BUNDLED, Dataset
from ganymede.schemas.models import DatasetBody

DatasetName = Annotated[str, Path(max_length=100, description="Name of a dataset.", examples=[BUNDLED])]


def dataset_body(dataset: Dataset, services: Services) -> DatasetBody:
    manifest = dataset.manifest
    path = address(f"/datasets/{manifest.name}")
    return DatasetBody(
        **manifest.model_dump(),
        made_by=services.datasets.made_by(manifest.name),
        bytes=sum(facts.bytes for facts in manifest.files.values()),
        versions=services.datasets.versions(manifest.name),
        links={"self": path, "preview": f"{path}/preview"} | ({"clip": f"{path}/clip"} if manifest.audio else {}),
    )
