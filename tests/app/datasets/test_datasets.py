"""/datasets: what can be trained on, a look into it, and its end."""

import io

import httpx
import numpy as np
import pytest
from PIL import Image

from core.datasets import Dataset, DatasetStore, ImageSet, Origin
from core.errors import DatasetNotFound
from core.runs import RunStore
from core.store import Store
from ganymede.schemas.specs import RunSpec
from ganymede.schemas.states import Status
from tests.records import numbers


async def test_the_bundled_digits_are_there_with_their_licence(client: httpx.AsyncClient) -> None:
    body = (await client.get("/datasets/mnist-10k")).json()

    assert (body["count"], body["height"], body["width"], body["channels"]) == (10_000, 28, 28, 1)
    assert body["class_names"] == [str(digit) for digit in range(10)]
    assert body["class_counts"] == [1000] * 10
    assert body["licence"] == "CC-BY-SA-3.0"
    assert "MNIST" in body["attribution"]


async def test_datasets_are_listed_by_name(client: httpx.AsyncClient, shapes: Dataset) -> None:
    body = (await client.get("/datasets")).json()

    assert [entry["name"] for entry in body["data"]] == ["mnist-10k", "shapes"]
    assert body["data"][1] == (await client.get("/datasets/shapes")).json()
    assert body["data"][1]["class_counts"] == [32, 32, 32]
    assert body["next_cursor"] is None


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [("nothing", 404, "dataset_not_found"), ("No", 422, "invalid_request"), ("%2e%2e", 422, "invalid_request")],
)
async def test_a_dataset_that_is_not_there_is_refused(
    client: httpx.AsyncClient, name: str, status: int, code: str
) -> None:
    answer = await client.get(f"/datasets/{name}")

    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("content", ["{", '{"schema": 1}', '{"schema": 99}'])
async def test_a_damaged_dataset_is_told_as_that_and_hides_no_other(
    client: httpx.AsyncClient, shapes: Dataset, store: Store, content: str
) -> None:
    (shapes.folder / "manifest.json").write_text(content)

    listed, one = await client.get("/datasets"), await client.get("/datasets/shapes")

    assert [entry["name"] for entry in listed.json()["data"]] == ["mnist-10k"]
    assert (one.status_code, one.json()["code"]) == (500, "store_damaged")


def pixels(answer: httpx.Response) -> np.ndarray:
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
    with Image.open(io.BytesIO(answer.content)) as picture:
        return np.asarray(picture)


async def test_a_preview_has_a_column_for_each_class(client: httpx.AsyncClient, shapes: Dataset) -> None:
    images = shapes.images()[..., 0]

    sheet, wide = [pixels(await client.get(f"/datasets/shapes/preview{query}")) for query in ("", "?n=100")]

    assert (sheet.shape, wide.shape) == ((5 * 8, 3 * 8), (10 * 8, 3 * 8))
    for label in range(3):
        assert (sheet[8:16, 8 * label : 8 * label + 8] == images[3 + label]).all()


@pytest.mark.parametrize("label", ["cross", "2"])
async def test_a_preview_of_one_class_has_only_that(client: httpx.AsyncClient, shapes: Dataset, label: str) -> None:
    sheet = pixels(await client.get(f"/datasets/shapes/preview?label={label}&n=20"))

    cells = sheet.reshape(2, 8, 10, 8).transpose(0, 2, 1, 3).reshape(20, 8, 8)
    crosses = shapes.images()[2::3, ..., 0]
    assert all((crosses == cell).all(axis=(1, 2)).any() for cell in cells)
    assert (cells[0] == crosses[0]).all()
    assert (cells[-1] == crosses[-1]).all()


async def test_large_images_are_shown_smaller(client: httpx.AsyncClient, store: Store) -> None:
    DatasetStore(store).add("large", ImageSet(np.full((3, 512, 256, 3), 77, np.uint8)), Origin("a test"))

    sheet = pixels(await client.get("/datasets/large/preview"))

    assert sheet.shape == (128, 10 * 64, 3)
    assert (sheet[:, : 3 * 64] == 77).all()


async def test_a_preview_that_a_client_has_is_not_sent_again(client: httpx.AsyncClient, shapes: Dataset) -> None:
    first = await client.get("/datasets/shapes/preview?label=0")
    etag = {"If-None-Match": first.headers["ETag"]}

    again = await client.get("/datasets/shapes/preview?label=0", headers=etag)
    other = await client.get("/datasets/shapes/preview?label=1", headers=etag)
    head = await client.head("/datasets/shapes/preview?label=0")

    assert (again.status_code, again.content, other.status_code) == (304, b"", 200)
    assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", first.headers["ETag"])


@pytest.mark.parametrize(
    ("query", "status", "pointer"),
    [
        *(("label=3", 422, "label"), ("label=none", 422, "label"), ("label=-1", 422, "label")),
        pytest.param(f"label={'1' * 5000}", 422, "label", id="an index longer than Python reads"),
        *(("n=0", 422, "n"), ("n=201", 422, "n"), ("n=x", 422, "n")),
    ],
)
async def test_a_preview_of_what_is_not_there_is_refused(
    client: httpx.AsyncClient, shapes: Dataset, query: str, status: int, pointer: str
) -> None:
    answer = await client.get(f"/datasets/shapes/preview?{query}")

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (status, pointer)


async def test_a_class_without_images_and_a_dataset_without_classes_have_no_preview_of_a_class(
    client: httpx.AsyncClient, store: Store
) -> None:
    images = np.zeros((2, 8, 8, 1), np.uint8)
    DatasetStore(store).add("holes", ImageSet(images, np.array([0, 2]), ("a", "b", "c")), Origin("a test"))
    DatasetStore(store).add("plain", ImageSet(images), Origin("a test"))

    answers = [await client.get(f"/datasets/{name}/preview?label=1") for name in ("holes", "plain")]

    assert [answer.json()["detail"] for answer in answers] == [
        "label: class 'b' has no images",
        "label: dataset 'plain' has no classes",
    ]
    assert (await client.get("/datasets/holes/preview")).status_code == 200


async def test_a_deleted_dataset_is_gone(client: httpx.AsyncClient, shapes: Dataset, store: Store) -> None:
    deleted = await client.delete("/datasets/shapes")
    again = await client.delete("/datasets/shapes")

    assert (deleted.status_code, again.status_code, again.json()["code"]) == (204, 404, "dataset_not_found")
    assert (await client.get("/datasets/shapes")).status_code == 404
    assert not shapes.folder.exists()
    assert (await client.post("/train", json={"recipe": "cgan", "dataset": "shapes"})).status_code == 422


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING, Status.PAUSED])
async def test_a_dataset_that_a_run_needs_is_not_deleted_until_the_run_is_over(
    client: httpx.AsyncClient, shapes: Dataset, store: Store, status: Status
) -> None:
    spec = RunSpec(recipe="cgan", dataset="shapes")
    run = RunStore(store).create(spec, numbers(9), shapes.manifest)
    run.move(status)

    refused = await client.delete("/datasets/shapes")
    shapes.check()
    if status is Status.RUNNING:
        run.move(Status.SUCCEEDED)
    else:
        run.move(Status.CANCELED)
    deleted = await client.delete("/datasets/shapes")

    assert (refused.status_code, refused.json()["code"]) == (409, "dataset_in_use")
    assert run.id in refused.json()["detail"]
    assert deleted.status_code == 204
    with pytest.raises(DatasetNotFound):
        DatasetStore(store).get("shapes")


async def test_the_bundled_dataset_can_be_deleted(client: httpx.AsyncClient) -> None:
    assert (await client.delete("/datasets/mnist-10k")).status_code == 204
    assert (await client.get("/datasets")).json()["data"] == []
