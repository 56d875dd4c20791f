"""The dataset of spoken digits: a function of word and voice, with voices apart to judge by."""

import shutil
import zipfile
from pathlib import Path

import pytest

from bench import speech
from core.datasets.clip import read_clip
from core.media.sound import LOG_MEL

needs_espeak = pytest.mark.skipif(shutil.which(speech.PROGRAM) is None, reason="espeak-ng is not installed")


def test_voices_are_always_the_same_and_those_to_judge_by_are_apart() -> None:
    learnt, held_out = speech.voices(600), speech.voices(200, held_out=True)

    assert learnt == speech.voices(600)
    assert len(set(learnt)) == 600
    assert not {voice.variant for voice in learnt} & {voice.variant for voice in held_out}
    assert {voice.accent for voice in learnt} == set(speech.ACCENTS)
    with pytest.raises(ValueError, match="there are 1400 voices; 1401 were asked for"):
        speech.voices(1401)


@needs_espeak
def test_the_zip_has_a_folder_of_sounds_for_each_word_and_the_same_bytes_again(tmp_path: Path) -> None:
    for name in ("first.zip", "again.zip"):
        speech.main([str(tmp_path / name), "--per-class", "2"])

    archive = zipfile.ZipFile(tmp_path / "first.zip")
    assert {name.split("/")[0] for name in archive.namelist()} == set(speech.WORDS)
    assert len(archive.namelist()) == 20
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()
    clips = [read_clip(archive.read(name), LOG_MEL, 60) for name in archive.namelist()]
    assert not any(clip.traits for clip in clips)


def test_where_espeak_is_missing_it_says_how_to_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(SystemExit) as ended:
        speech.main([str(tmp_path / "x.zip")])

    assert "apt-get install espeak-ng" in str(ended.value)
    assert not (tmp_path / "x.zip").exists()
