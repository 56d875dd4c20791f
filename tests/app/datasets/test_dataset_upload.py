"""POST /datasets: a zip of pictures becomes what can be trained on; what is wrong is named, and leaves nothing."""

import asyncio
import os
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from app.datasets import imports
from app.main import create_app
from core.datasets import DatasetStore
from core.settings import Settings
from core.store import Store
from tests.fixtures import Eventually, Serve
from tests.uploads import class_folders, idx, npz, picture, plain, zipped

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 28, 28), np.uint8)
LABELS = np.arange(12, dtype=np.uint8) % 3


async def upload(client: httpx.AsyncClient, *files: bytes, name: str = "pets", **form: str) -> httpx.Response:
    sent = [("file", (f"upload-{i}.zip", data)) for i, data in enumerate(files)]
    return await client.post("/datasets", data={"name": name, **form}, files=sent, timeout=300)


def leftovers(store: Store) -> list[str]:
    return [path.name for path in store.path("tmp").iterdir()]


async def test_a_zip_of_class_folders_becomes_a_dataset(api: httpx.AsyncClient, store: Store) -> None:
    data = zipped(
        [
            *((f"pets/{('cat', 'dog')[i % 2]}/{i}.png", picture((40, 30), seed=i)) for i in range(6)),
            ("pets/dog/broken.png", picture()[:50]),
            ("pets/cat/.DS_Store", b"junk"),
        ]
    )

    answer = await upload(api, data, size="32", licence="CC0-1.0", source="a test", attribution="nobody")

    body = answer.json()
    shown = (await api.get("/datasets/pets")).json()
    assert (answer.status_code, answer.headers["Location"]) == (201, "/datasets/pets")
    assert (body["change"], body["count"], body["height"], body["width"], body["channels"]) == (
        *("created", 6, 32, 32),
        3,
    )
    assert (body["class_names"], body["class_counts"]) == (["cat", "dog"], [3, 3])
    assert (body["licence"], body["source"], body["attribution"]) == ("CC0-1.0", "a test", "nobody")
    assert body["options"] == {"size": "32", "crop": "centre", "channels": "auto", "background": "white"}
    assert len(body["mean"]) == len(body["std"]) == 3
    assert (body["duplicates"], body["versions"]) == (0, [body["version"]])
    assert body["bytes"] > 6 * 32 * 32 * 3
    report = body.pop("report")
    assert (report["kind"], report["files"], report["taken"], report["bad"]) == ("pictures", 8, 6, 1)
    assert (report["ignored"], report["enlarged"]) == (1, 6)
    assert report["bad_files"][0]["name"] == "pets/dog/broken.png"
    assert body.pop("change") == "created"
    assert shown == body
    assert leftovers(store) == []
    DatasetStore(store).get("pets").check()


async def test_idx_files_and_npz_become_datasets(api: httpx.AsyncClient) -> None:
    pair = await upload(api, idx(LABELS), idx(IMAGES), name="pair")
    packed = await upload(api, npz(images=IMAGES, labels=LABELS), name="packed")

    assert (pair.status_code, packed.status_code) == (201, 201)
    assert pair.json()["digest"] == packed.json()["digest"]
    assert pair.json()["class_names"] == ["0", "1", "2"]
    assert pair.json()["source"] == "upload of upload-0.zip, upload-1.zip"


async def test_the_same_pictures_again_are_told_to_be_here(api: httpx.AsyncClient) -> None:
    first = await upload(api, class_folders())
    again = await upload(api, class_folders(), name="pets")
    other = await upload(api, class_folders(seed=9))
    back = await upload(api, class_folders())

    assert [a.status_code for a in (first, again, other, back)] == [201, 200, 201, 200]
    assert again.json()["change"] == "unchanged"
    assert again.json()["version"] == first.json()["version"] == back.json()["version"] != other.json()["version"]
    assert set(back.json()["versions"]) == {first.json()["version"], other.json()["version"]}
    assert (await api.get("/datasets/pets")).json()["version"] == first.json()["version"]


async def test_a_damaged_dataset_is_repaired_by_sending_it_again(api: httpx.AsyncClient, store: Store) -> None:
    await upload(api, class_folders())
    (DatasetStore(store).get("pets").folder / "images.npy").write_bytes(b"damaged")

    again = await upload(api, class_folders())

    assert (again.status_code, again.json()["change"]) == (200, "repaired")
    DatasetStore(store).get("pets").check()


async def test_a_run_on_an_uploaded_dataset_gets_its_size_channels_and_classes(api: httpx.AsyncClient) -> None:
    await upload(api, class_folders(count=20), size="32")
    await upload(api, zipped((f"{i}.png", plain(i, mode="L")) for i in range(8)), name="grey")

    coloured = await api.post("/train", json={"recipe": "cgan", "dataset": "pets"})
    grey = await api.post("/train", json={"recipe": "dcgan", "dataset": "grey"})
    unlabelled = await api.post("/train", json={"recipe": "cgan", "dataset": "grey"})

    def network(answer: httpx.Response) -> tuple[int, int, int]:
        found = answer.json()["resolved"]["network"]
        return found["image_size"], found["channels"], found["num_classes"]

    assert network(coloured) == (32, 3, 2)
    assert network(grey) == (16, 1, 0)
    assert (unlabelled.status_code, unlabelled.json()["errors"][0]["pointer"]) == (422, "/dataset")


@pytest.mark.parametrize(
    ("form", "pointer"),
    [
        ({"name": "Pets"}, "/name"),
        ({"name": "../x"}, "/name"),
        ({"name": ""}, "/name"),
        ({"size": "63"}, "/size"),
        ({"size": "512"}, "/size"),
        ({"crop": "left"}, "/crop"),
        ({"channels": "4"}, "/channels"),
        ({"background": "red"}, "/background"),
        ({"licence": "x" * 501}, "/licence"),
        ({"source": "x" * 4001}, "/source"),
    ],
)
async def test_a_wrong_option_is_named(
    api: httpx.AsyncClient, store: Store, form: dict[str, str], pointer: str
) -> None:
    answer = await upload(api, class_folders(), **form)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert [problem["pointer"] for problem in answer.json()["errors"]] == [pointer]
    assert leftovers(store) == []
    assert [entry["name"] for entry in (await api.get("/datasets")).json()["data"]] == ["mnist-10k"]


async def test_a_wrong_option_in_front_of_the_file_is_told_before_the_file_is_there(api: httpx.AsyncClient) -> None:
    async def body() -> Any:
        for name, value in (("size", "63"), ("file", "")):
            yield f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()
            yield b"\r\n" if name == "size" else b""
        raise AssertionError("the file was asked for")

    answer = await api.post("/datasets", content=body(), headers={"Content-Type": "multipart/form-data; boundary=b"})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/size")


@pytest.mark.parametrize("missing", ["name", "file"])
async def test_name_and_file_are_needed(api: httpx.AsyncClient, missing: str) -> None:
    parts = [("name", (None, b"pets")), ("file", ("a.zip", class_folders()))]

    answer = await api.post("/datasets", files=[part for part in parts if part[0] != missing])

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"/{missing}")


async def test_an_upload_nothing_can_be_made_of_is_refused_with_reasons(api: httpx.AsyncClient, store: Store) -> None:
    answer = await upload(api, zipped([("a.png", b"no"), ("../b.png", plain("red"))]))
    foreign = await upload(api, b"%PDF-1.7")

    assert (answer.status_code, foreign.status_code) == (422, 422)
    assert {problem["detail"].partition(":")[0] for problem in answer.json()["errors"]} == {"a.png", "../b.png"}
    assert {problem["pointer"] for problem in answer.json()["errors"]} == {"/file"}
    assert "is a PDF: save its pages as JPEG or PNG" in foreign.json()["detail"]
    assert (leftovers(store), DatasetStore(store).names()) == ([], ["mnist-10k"])


async def test_the_limits_are_those_of_the_settings(settings: Settings, serve: Serve) -> None:
    narrow = settings.model_copy(update={"max_files": 5, "max_pixels": 255, "max_unpacked": 100_000})
    async with serve(create_app(narrow)) as client:
        answers = [
            await upload(client, class_folders(count=6)),
            await upload(client, class_folders(count=2)),
            await upload(client, zipped([("a.bmp", bytes(100_001))])),
            await upload(client, class_folders(count=2, size=(8, 8)), size="256"),
        ]

    assert [answer.status_code for answer in answers] == [422] * 4
    told = [answer.json()["errors"][0] for answer in answers]
    assert [problem["pointer"] for problem in told] == ["/file", "/file", "/file", "/size"]
    for problem, words in zip(
        told, ("6 files", "more than 255 pixels", "100001 bytes", "take 393216 bytes"), strict=True
    ):
        assert words in problem["detail"]


async def test_an_upload_may_be_as_large_as_the_setting_says(settings: Settings, serve: Serve, store: Store) -> None:
    async with serve(create_app(settings.model_copy(update={"max_upload": 2 << 20}))) as client:
        fits = await upload(client, zipped([("a.png", plain("red")), ("b.bin", os.urandom(3 << 19))]))
        large = await upload(client, os.urandom(3 << 20))

    assert (fits.status_code, large.status_code) == (201, 413)
    assert (large.json()["code"], leftovers(store)) == ("body_too_large", [])


async def test_an_upload_has_so_many_files_and_no_more(api: httpx.AsyncClient, store: Store) -> None:
    answer = await upload(api, *[idx(IMAGES)] * 17)

    assert (answer.status_code, answer.json()["detail"]) == (422, "/file: may be there up to 16 times")
    assert leftovers(store) == []


async def test_two_uploads_at_once_are_both_there(api: httpx.AsyncClient, store: Store) -> None:
    names = ("one", "two", "two")

    answers = await asyncio.gather(*(upload(api, class_folders(seed=i), name=n) for i, n in enumerate(names)))

    datasets = DatasetStore(store)
    assert [answer.status_code for answer in answers] == [201] * 3
    assert datasets.names() == ["mnist-10k", "one", "two"]
    assert len(datasets.versions("two")) == 2
    for name in ("one", "two"):
        for version in datasets.versions(name):
            datasets.get(name, version).check()
    assert leftovers(store) == []


async def test_more_uploads_than_there_is_room_for_are_sent_away(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "AT_ONCE", 1)

    answers = await asyncio.gather(*(upload(api, class_folders(seed=i)) for i in range(3)))

    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 2
    assert all(answer.headers["Retry-After"] == "10" for answer in refused)
    assert (await upload(api, class_folders())).status_code in (200, 201)


async def test_the_status_tells_how_far_an_import_is(api: httpx.AsyncClient, eventually: Eventually) -> None:
    seen: list[dict[str, Any]] = []

    async def look() -> bool:
        seen.extend((await api.get("/status")).json()["imports"])
        return sending.done()

    data = zipped((f"{i}.png", picture((64, 64), seed=i)) for i in range(300))
    api.headers["Request-Id"] = "mine"
    sending = asyncio.ensure_future(upload(api, data, name="slow"))
    await eventually(look, within_s=300)

    assert sending.result().status_code == 201
    assert {told["request_id"] for told in seen} == {"mine"}
    assert {told["dataset"] for told in seen} >= {"slow"}
    assert {told["phase"] for told in seen} & {"looking", "decoding", "storing"}
    assert (await api.get("/status")).json()["imports"] == []


async def test_a_process_that_dies_is_told_and_leaves_nothing(
    api: httpx.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "PROCESS", "core.no_such_module")

    answer = await upload(api, class_folders())

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "ended with status 1" in answer.json()["detail"]
    assert leftovers(store) == []


async def test_a_full_disk_is_507_and_leaves_nothing(
    api: httpx.AsyncClient, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "full_disk.py").write_text("import sys\nprint('{\"errno\": 28}', flush=True)\nsys.stdin.read()\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setattr(imports, "PROCESS", "full_disk")  # core/datasets says so on a disk that is full: its own tests

    answer = await upload(api, class_folders())

    assert (answer.status_code, answer.json()["code"]) == (507, "store_full")
    assert leftovers(store) == []
