"""/datasets: what can be trained on. Knows no files."""

import contextlib
from typing import Annotated

from fastapi import APIRouter, Path

from app.deps import ServicesDep
from app.errors import documented
from core.answers import Page
from core.answers.models import DatasetBody
from core.datasets import Dataset
from core.errors import DatasetNotFound, StoreDamaged
from core.refs import check_name

router = APIRouter(prefix="/datasets", tags=["datasets"])


@router.get("")
def list_datasets(services: ServicesDep) -> Page[DatasetBody]:
    """All datasets by name, each in its current version."""
    page: list[DatasetBody] = []
    for name in services.datasets.names():
        with contextlib.suppress(DatasetNotFound, StoreDamaged):  # deleted meanwhile, or told by GET /datasets/{d}
            page.append(_body(services.datasets.get(name)))
    return Page(data=page, next_cursor=None)


@router.get("/{dataset}", responses=documented(DatasetNotFound))
def read_dataset(dataset: Annotated[str, Path(max_length=100)], services: ServicesDep) -> DatasetBody:
    """One dataset: its size, its classes, where it comes from and under which licence."""
    return _body(services.datasets.get(check_name(dataset, "dataset")))


def _body(dataset: Dataset) -> DatasetBody:
    try:
        return DatasetBody.model_validate(dataset.manifest)
    except ValueError:
        raise StoreDamaged(f"manifest.json in {dataset.folder.name} does not describe a dataset") from None
