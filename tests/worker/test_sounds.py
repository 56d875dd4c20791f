"""A run on sounds: it trains as on pictures, counts what is silent, and publishes what /generate makes sounds with."""

import io
import json

import numpy as np
import pytest
import soundfile

from app.main import create_app
from core.media.sound import LOG_MEL
from core.media.sound.spectrogram import to_picture
from core.registry import Registry
from core.settings import Settings
from core.store import Store
from tests.fixtures import Serve
from tests.sounds import tone, tones
from tests.worker.conftest import CreateRun, TrainHere
from worker.evaluation.silence import SilenceMeter
from worker.training.scores import classifier


async def test_a_run_on_sounds_publishes_a_model_that_makes_sounds(
    create_run: CreateRun,
    train_here: TrainHere,
    store: Store,
    settings: Settings,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(classifier, "EPOCHS", (1, 1))
    tones(store)
    run = create_run(
        dataset="tones", steps=8, batch_size=8, ema_half_life=0, extractor="classifier", augment="diffaugment"
    )

    assert train_here(run) == "succeeded"

    manifest = Registry(store).manifest("tones", 1)
    assert (manifest.task, manifest.medium, manifest.audio) == ("generation", "audio", LOG_MEL)
    assert (manifest.image_size, manifest.channels, manifest.labels) == (64, 1, ["high", "low"])
    assert run.spec().resolved.augment_policy == ("time",)
    point = json.loads(run.metrics_file.read_text().splitlines()[-1])
    assert 0 <= point["silent_share"] <= 1
    async with serve(create_app(settings)) as client:
        answers = [await client.get("/generate?model=tones&seed=1&label=low") for _ in range(2)]
    samples, rate = soundfile.read(io.BytesIO(answers[0].content))
    assert [answer.headers["Content-Type"] for answer in answers] == ["audio/wav"] * 2
    assert (samples.shape, rate) == ((16000,), 16000)
    assert answers[0].content == answers[1].content


def test_silent_clips_are_counted_as_they_pass() -> None:
    loud, silent = to_picture(np.pad(tone(), 4000), LOG_MEL), np.zeros((64, 64, 1), np.uint8)
    meter, blind = SilenceMeter(LOG_MEL), SilenceMeter(None)
    batches = [np.stack([loud, silent]), np.stack([silent, silent])]

    passed = list(meter.watched(iter(batches)))
    list(blind.watched(iter(batches)))

    assert all(given is taken for given, taken in zip(batches, passed, strict=True))
    assert meter.scores == {"silent_share": 0.75}
    assert blind.scores == {}
