"""POST /datasets with sounds, and what can be seen and heard of them."""

import io

import httpx
import numpy as np
import pytest
import soundfile
from PIL import Image

from app.main import create_app
from core.datasets import DatasetStore
from core.media.sound import LOG_MEL
from core.settings import Settings
from core.store import Store
from tests.app.datasets.test_dataset_upload import upload
from tests.fixtures import Serve
from tests.sounds import sound, tone, two_tones
from tests.uploads import class_folders, zipped


async def test_a_zip_of_sounds_becomes_a_dataset_that_says_how_they_are_kept(
    api: httpx.AsyncClient, store: Store
) -> None:
    answer = await upload(api, two_tones(), name="tones", licence="CC0-1.0")

    body = answer.json()
    assert (answer.status_code, body["medium"], body["audio"]) == (201, "audio", LOG_MEL.model_dump())
    assert (body["count"], body["height"], body["width"], body["channels"]) == (12, 64, 64, 1)
    assert (body["class_names"], body["class_counts"]) == (["high", "low"], [6, 6])
    assert (body["report"]["kind"], body["options"]) == ("sounds", {"seconds": "1"})
    assert body["links"]["clip"] == "/datasets/tones/clip"
    dataset = DatasetStore(store).get("tones")
    dataset.check()
    assert dataset.manifest.audio == LOG_MEL
    again = await upload(api, two_tones(), name="tones")
    assert (again.status_code, again.json()["change"]) == (200, "unchanged")


async def test_its_preview_is_a_sheet_of_spectrograms_and_a_clip_can_be_heard(api: httpx.AsyncClient) -> None:
    await upload(api, two_tones(), name="tones")

    sheet = await api.get("/datasets/tones/preview", params={"n": 4})
    high, low, first = [
        await api.get("/datasets/tones/clip", params=query) for query in ("label=high", "label=low&index=1", "")
    ]

    def pitch(answer: httpx.Response) -> float:
        samples, rate = soundfile.read(io.BytesIO(answer.content))
        return float(np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples))

    assert Image.open(io.BytesIO(sheet.content)).width % 64 == 0
    assert [answer.headers["Content-Type"] for answer in (high, low)] == ["audio/wav"] * 2
    assert pitch(high) == pytest.approx(2000, abs=60)
    assert pitch(low) == pytest.approx(330, abs=60)
    assert first.content == high.content
    known = await api.get("/datasets/tones/clip", headers={"If-None-Match": first.headers["ETag"]})
    assert known.status_code == 304


async def test_a_clip_that_is_not_there_is_told_apart(api: httpx.AsyncClient) -> None:
    await upload(api, two_tones(), name="tones")
    await upload(api, class_folders(), name="pets")

    pictures = await api.get("/datasets/pets/clip")
    beyond = await api.get("/datasets/tones/clip", params={"label": "low", "index": 6})
    unknown = await api.get("/datasets/tones/clip", params={"label": "middle"})
    missing = await api.get("/datasets/nothing/clip")

    assert [answer.status_code for answer in (pictures, beyond, unknown, missing)] == [422, 422, 422, 404]
    assert "'pets' holds pictures, and no sounds" in pictures.json()["detail"]
    assert "index: 0 to 5, got 6" in beyond.json()["detail"]
    assert unknown.json()["errors"][0]["pointer"] == "label"
    assert "clip" not in (await api.get("/datasets/pets")).json()["links"]


async def test_bad_sounds_are_named_in_the_report(api: httpx.AsyncClient) -> None:
    bad = [("high/silent.wav", sound(np.zeros(99))), ("high/cut.wav", sound(tone())[:9000])]

    answer = await upload(api, zipped([*((f"high/{i}.wav", sound(tone(500 + i))) for i in range(2)), *bad]))

    report = answer.json()["report"]
    assert (answer.status_code, report["taken"], report["bad"]) == (201, 2, 2)
    assert {each["name"].rpartition("/")[2] for each in report["bad_files"]} == {"silent.wav", "cut.wav"}


async def test_a_length_other_than_a_second_is_refused_before_the_file_is_read(api: httpx.AsyncClient) -> None:
    answer = await upload(api, two_tones(), seconds="2")

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/seconds")


async def test_how_long_a_sound_may_be_is_a_setting(settings: Settings, serve: Serve) -> None:
    async with serve(create_app(settings.model_copy(update={"max_seconds": 1.0}))) as client:
        answer = await upload(client, zipped([("a.wav", sound(tone(seconds=1.5))), ("b.wav", sound(tone()))]))

    assert answer.json()["report"]["bad_files"][0]["reason"].startswith("lasts 1.5 s; a sound may last 1 s")


async def test_a_run_on_sounds_learns_their_classes_and_shifts_them_in_time_alone(api: httpx.AsyncClient) -> None:
    await upload(api, two_tones(24), name="tones")
    await upload(api, class_folders(24), name="pets")

    async def asked(recipe: str = "cgan", dataset: str = "tones", **config: object) -> httpx.Response:
        body = {"recipe": recipe, "dataset": dataset, "config": config}
        return await api.post("/train/validate", params={"estimate": False}, json=body)

    taken = (await asked()).json()["resolved"]
    flipped = await asked(augment="ada", augment_policy=["time", "flip"])
    pictures = await asked(dataset="pets", augment="ada", augment_policy=["time"])
    completed = await asked(recipe="completion")

    assert (taken["network"]["image_size"], taken["network"]["num_classes"]) == (64, 2)
    assert (taken["augment"], taken["augment_policy"], taken["medium"]) == ("ada", ["time"], "audio")
    assert [answer.json()["errors"][0]["pointer"] for answer in (flipped, pictures, completed)] == [
        "/config/augment_policy",
        "/config/augment_policy",
        "/dataset",
    ]
    assert "time alone is shifted: flip would make other sounds" in flipped.json()["detail"]
    assert "time is for sounds" in pictures.json()["detail"]
    assert "is for pictures, and 'tones' holds sounds" in completed.json()["detail"]
