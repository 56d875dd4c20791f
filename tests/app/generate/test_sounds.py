"""Models of sounds at /generate: files that others can read, the same bytes for ever, clear refusals."""

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from PIL import Image

from app.generate import sounds
from app.main import create_app
from core.media.sound import LOG_MEL
from core.media.sound.reconstruction import to_samples
from core.settings import Settings
from models.sizes import DCGANConfig
from tests.app.generate.test_generate_refusals import problem
from tests.fixtures import PublishTiny, Serve

VOICE = DCGANConfig(image_size=64, channels=1, latent_dim=4, width=16, num_classes=3)


@pytest.fixture
async def api(settings: Settings, publish_tiny: PublishTiny, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app that has `voice`, which makes sounds of three classes, and `tiny`, which draws."""
    publish_tiny()
    publish_tiny("voice", config=VOICE, audio=LOG_MEL)
    async with serve(create_app(settings)) as client:
        yield client


async def say(api: httpx.AsyncClient, **query: Any) -> httpx.Response:
    asked = {"model": "voice", **({} if "seeds" in query else {"seed": 1}), **query}
    return await api.get("/generate", params=asked)


def read(answer: httpx.Response) -> tuple[npt.NDArray[np.int16], int]:
    return soundfile.read(io.BytesIO(answer.content), dtype="int16")


async def test_a_model_of_sounds_answers_with_a_wav_that_sounds_as_its_spectrogram(api: httpx.AsyncClient) -> None:
    answer, drawn = await say(api, label="circle"), await say(api, label="circle", format="npy")

    samples, rate = read(answer)
    picture = np.load(io.BytesIO(drawn.content))[0]
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "audio/wav")
    assert (answer.headers["Seed"], answer.headers["Label"]) == ("1", "0")
    assert (rate, samples.shape, samples.dtype.name) == (16000, (16000,), "int16")
    assert (samples == to_samples(picture, LOG_MEL, seed=1)).all()
    assert samples.any()


async def test_the_same_bytes_come_alone_and_in_a_crowd(api: httpx.AsyncClient) -> None:
    alone = [await say(api, seed=seed) for seed in (1, 2, 3)]

    crowd = await asyncio.gather(*(say(api, seed=seed % 3 + 1, label=label) for seed in range(9) for label in (0, 1)))
    again = await asyncio.gather(*(say(api, seed=seed) for seed in (1, 2, 3) * 3))

    assert {answer.status_code for answer in crowd} == {200}
    assert [answer.content for answer in again] == [answer.content for answer in alone] * 3
    assert len({answer.content for answer in alone}) == 3


async def test_several_clips_come_one_behind_the_other_or_as_files_of_a_zip(api: httpx.AsyncClient) -> None:
    single = [read(await say(api, seed=seed, label=2))[0] for seed in (1, 2)]

    row, packed = await say(api, n=2, label=2), await say(api, n=2, label=2, format="zip")

    archive = zipfile.ZipFile(io.BytesIO(packed.content))
    manifest = json.loads(archive.read("manifest.json"))
    assert (read(row)[0] == np.concatenate(single)).all()
    assert archive.namelist() == ["0000-seed-1-label-cross.wav", "0001-seed-2-label-cross.wav", "manifest.json"]
    assert (soundfile.read(archive.open(archive.namelist()[1]), dtype="int16")[0] == single[1]).all()
    assert (manifest["sample_rate"], manifest["width"]) == (16000, 64)
    assert [image["file"] for image in manifest["images"]] == archive.namelist()[:2]


async def test_a_flac_has_the_samples_of_the_wav(api: httpx.AsyncClient) -> None:
    wav, flac = await say(api), await say(api, format="flac")

    assert (flac.headers["Content-Type"], flac.content[:4]) == ("audio/flac", b"fLaC")
    assert (read(flac)[0] == read(wav)[0]).all()


async def test_the_spectrogram_is_had_as_a_picture(api: httpx.AsyncClient) -> None:
    png, asked_by_a_page = (
        await say(api, format="png"),
        await api.get(
            "/generate", params={"model": "voice", "seed": 1}, headers={"Accept": "image/avif,image/webp,*/*;q=0.1"}
        ),
    )
    grid = await say(api, format="png", n=4, scale=2, metadata=True)

    assert Image.open(io.BytesIO(png.content)).size == (64, 64)
    assert asked_by_a_page.headers["Content-Type"] == "image/webp"
    assert Image.open(io.BytesIO(grid.content)).size == (256, 256)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [("*/*", "audio/wav"), ("audio/webm,audio/ogg,audio/wav,audio/*;q=0.9", "audio/wav"), ("audio/flac", "audio/flac")],
)
async def test_what_a_player_accepts_is_sent(api: httpx.AsyncClient, accept: str, media_type: str) -> None:
    answer = await api.get("/generate", params={"model": "voice", "seed": 1}, headers={"Accept": accept})

    assert answer.headers["Content-Type"] == media_type


async def test_noise_may_be_given_and_has_phases_of_its_own(api: httpx.AsyncClient) -> None:
    body = {"model": "voice", "z": [[0.1, 0.2, 0.3, 0.4]], "label": 1}

    first, again = [await api.post("/generate", json=body) for _ in range(2)]

    assert first.headers["Content-Type"] == "audio/wav"
    assert first.content == again.content


async def test_a_known_sound_is_not_sent_again_and_head_tells_its_type(api: httpx.AsyncClient) -> None:
    answer = await say(api)

    known = await api.get(
        "/generate", params={"model": "voice", "seed": 1}, headers={"If-None-Match": answer.headers["ETag"]}
    )
    told = await api.head("/generate", params={"model": "voice", "seed": 1})

    assert (known.status_code, known.content) == (304, b"")
    assert told.headers["Content-Type"] == "audio/wav"
    assert (await say(api, format="flac")).headers["ETag"] != answer.headers["ETag"]


@pytest.mark.parametrize(
    ("query", "pointer", "words"),
    [
        ({"model": "tiny", "format": "wav"}, "format", "tiny makes pictures, and wav is for sounds"),
        ({"scale": 2}, "scale", "a sound has no pixels"),
        ({"scale": 2, "format": "zip"}, "scale", "a sound has no pixels"),
        ({"metadata": True, "format": "wav"}, "metadata", "only png, json can carry it"),
        ({"metadata": True, "format": "zip"}, "metadata", "only png, json can carry it"),
        ({"format": "mp3"}, "format", "flac"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    api: httpx.AsyncClient, query: dict[str, Any], pointer: str, words: str
) -> None:
    answer = await say(api, **query)

    body = problem(answer, 422, "invalid_request")
    assert [each["pointer"] for each in body["errors"]] == [pointer]
    assert words in body["detail"]


async def test_a_player_is_told_that_pictures_are_no_sounds(api: httpx.AsyncClient) -> None:
    answer = await api.get("/generate", params={"model": "tiny"}, headers={"Accept": "audio/*"})

    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


async def test_an_answer_has_so_many_sounds_and_no_more(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sounds, "MOST_CLIPS", 2)

    answer = await say(api, n=3)

    assert "up to 2 sounds" in problem(answer, 422, "invalid_request")["detail"]


async def test_a_version_says_what_it_makes_and_how(api: httpx.AsyncClient) -> None:
    voice, tiny = [(await api.get(f"/models/{name}/versions/1")).json() for name in ("voice", "tiny")]

    assert (voice["task"], voice["medium"], voice["audio"]) == ("generation", "audio", LOG_MEL.model_dump())
    assert (tiny["medium"], tiny["audio"]) == ("image", None)
