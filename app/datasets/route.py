"""/datasets: what can be trained on, a look into it, its end. Knows no files.

Shape suffixes: H height, W width, C channels.
"""

import contextlib
from typing import Annotated

from fastapi import Query, Response

from app.datasets.body import DatasetName, dataset_body
from app.deps import Services, ServicesDep
from app.errors import documented
from app.http.conditional import IfNoneMatch, is_known
from app.http.routing import Router
from app.makers import OwnDataset
from app.train.filters import ListQuery, fitting
from core.datasets import Dataset
from core.datasets.preview import COUNT, preview
from core.errors import DatasetInUse, DatasetNotFound, InvalidRequest, StoreDamaged
from core.media.images.png import write_png
from core.refs import check_name, class_index
from ganymede.schemas.bodies import Page
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.models import DatasetBody
from ganymede.schemas.states import TERMINAL, Status

router = Router(prefix="/datasets", tags=["datasets"], writes=KeyScope.DATASETS_WRITE, needs_files=True)

MAX_SHOWN = 200
SHOWN_USERS = 3
UNFINISHED = [status for status in Status if status not in TERMINAL]

Label = Annotated[str | None, Query(max_length=100, description="Class name or index: only images of this class.")]
Shown = Annotated[int, Query(ge=1, le=MAX_SHOWN, description="Largest number of images on the sheet.")]


@router.get("")
def list_datasets(services: ServicesDep) -> Page[DatasetBody]:
    """All datasets by name, each in its current version."""
    page: list[DatasetBody] = []
    for name in services.datasets.names():
        with contextlib.suppress(DatasetNotFound, StoreDamaged):  # deleted meanwhile, or told by GET /datasets/{d}
            page.append(dataset_body(services.datasets.get(name), services))
    return Page(data=page, next_cursor=None)


@router.get("/{dataset}", responses=documented(DatasetNotFound))
def read_dataset(dataset: DatasetName, services: ServicesDep) -> DatasetBody:
    """One dataset: its size, its classes, where it comes from and under which licence."""
    return dataset_body(services.datasets.get(check_name(dataset, "dataset")), services)


@router.get(
    "/{dataset}/preview",
    response_class=Response,
    responses={
        200: {"content": {"image/png": {}}, "description": "The sheet."},
        304: {"description": "You have it."},
        **documented(DatasetNotFound),
    },
)
def preview_dataset(
    dataset: DatasetName,
    services: ServicesDep,
    label: Label = None,
    n: Shown = COUNT,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """A contact sheet of a dataset: a column for each class where there are up to ten, else spread over all."""
    found = services.datasets.get(check_name(dataset, "dataset"))
    index = None if label is None else class_with_images(label, found)
    shown = "all" if index is None else index
    headers = {"ETag": f'"{found.manifest.version}-{shown}-{n}"', "Cache-Control": "no-cache"}
    if is_known(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    sheet_HWC = preview(found.images(), found.labels(), len(found.class_names), count=n, label=index)
    return Response(write_png(sheet_HWC), headers=headers, media_type="image/png")


@router.delete(
    "/{dataset}", status_code=204, response_class=Response, responses=documented(DatasetNotFound, DatasetInUse)
)
def delete_dataset(name: OwnDataset, services: ServicesDep) -> None:
    """Delete a dataset with all its versions. What was learnt from it stays; runs that are not over keep it."""
    services.datasets.delete(name, lambda: _check_unused(name, services))


def _check_unused(dataset: str, services: Services) -> None:
    query = ListQuery(status=UNFINISHED, dataset=dataset)
    users = [files.run.id for files in fitting(services.runs, query, {})]
    if users:
        more = f" and {len(users) - SHOWN_USERS} more" if users[SHOWN_USERS:] else ""
        listed = ", ".join(users[:SHOWN_USERS]) + more
        raise DatasetInUse(f"dataset {dataset!r} is needed by {listed}; cancel them, or wait for their end")


def class_with_images(label: str, dataset: Dataset) -> int:
    """Find the class that a name or an index means; it must have images."""
    names, counts = dataset.class_names, dataset.manifest.class_counts
    if not names:
        raise InvalidRequest.field("label", f"dataset {dataset.name!r} has no classes")
    index = class_index(label, names, "label")
    if not counts[index]:
        raise InvalidRequest.field("label", f"class {names[index]!r} has no images")
    return index
