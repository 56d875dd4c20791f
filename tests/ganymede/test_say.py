"""`client.say` and `ganymede say`: which words are asked for, and what comes of the sound."""

import io
import wave
from pathlib import Path

import numpy as np
import pytest

from ganymede.client import Client
from tests.ganymede.conftest import Ganymede
from tests.ganymede.contract import Answer, Contract, problem

FACTS = {"Content-Type": "audio/wav", "Model": "digits", "Model-Version": "2", "Model-Digest": "sha256:0", "Seed": "3"}


def sound() -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(np.array([0, 1, -2, 32767], "<i2").tobytes())
    return buffer.getvalue()


@pytest.fixture
def service(contract: Contract) -> Contract:
    contract.on("GET", "/generate", Answer(sound(), headers=FACTS))
    return contract


def test_a_word_is_asked_for_as_a_wav_and_several_one_behind_the_other(service: Contract) -> None:
    with Client(service.url) as client:
        client.say("seven", model="digits", seed=3)
        client.say(["seven", 1], model="digits", seed=3)
        client.say(n=4, format="zip")

    assert [request.query for request in service.seen] == [
        {"model": ["digits"], "seed": ["3"], "label": ["seven"], "format": ["wav"]},
        {"model": ["digits"], "seed": ["3"], "label": ["seven", "1"], "n": ["2"], "format": ["wav"]},
        {"n": ["4"], "format": ["zip"]},
    ]


def test_the_answer_has_samples_and_a_player_for_a_notebook(service: Contract) -> None:
    with Client(service.url) as client:
        said = client.say("seven")

    samples, rate = said.to_samples()
    assert (samples.tolist(), rate) == ([0, 1, -2, 32767], 16000)
    player = said._repr_html_()
    assert player is not None
    assert player.startswith('<audio controls src="data:audio/wav;base64,UklGR')
    assert said._repr_png_() is None


def test_a_picture_has_no_samples_and_no_player(contract: Contract) -> None:
    contract.on("GET", "/generate", Answer(b"\x89PNG", headers={**FACTS, "Content-Type": "image/png"}))

    with Client(contract.url) as client:
        picture = client.generate()

    assert picture._repr_html_() is None
    with pytest.raises(ValueError, match="image/png is no WAV"):
        picture.to_samples()


def test_the_command_writes_the_sound_and_says_how_to_have_it_again(
    service: Contract, ganymede: Ganymede, tmp_path: Path
) -> None:
    wav, flac = tmp_path / "number.wav", tmp_path / "seven.flac"

    done = ganymede("say", "seven", "one", "-m", "digits", "--seed", "3", "-o", str(wav))
    ganymede("say", "seven", "-n", "2", "-o", str(flac))

    assert (done.exit_code, done.stderr) == (0, f"digits@2 seed 3 -> {wav}\n")
    assert wav.read_bytes() == sound()
    assert service.seen[0].query["label"] == ["seven", "one"]
    assert service.seen[1].query == {"label": ["seven"], "n": ["2"], "format": ["flac"]}


def test_what_cannot_be_said_is_told(contract: Contract, ganymede: Ganymede, tmp_path: Path) -> None:
    contract.on("GET", "/generate", problem(422, "invalid_request", "format: digits makes pictures"))

    refused = ganymede("say", "seven", "-o", str(tmp_path / "x.wav"))
    twice = ganymede("say", "one", "two", "-n", "3", "-o", str(tmp_path / "x.wav"))

    assert (refused.exit_code, twice.exit_code) == (1, 2)
    assert "digits makes pictures" in refused.stderr
    assert "of several each is said once" in twice.stderr
    assert not (tmp_path / "x.wav").exists()
