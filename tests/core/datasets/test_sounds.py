"""Sounds of every kind become clips of one length; the bad ones are named with their reasons."""

import re
import struct
from typing import Any

import numpy as np
import pytest

from core.datasets.build import Built
from core.datasets.clip import Trait, read_clip
from core.datasets.members import FileRefused
from core.errors import InvalidRequest
from core.media.sound import LOG_MEL
from tests.core.datasets.conftest import LIMITS, Build
from tests.sounds import RATE, sound, tone, two_tones
from tests.uploads import plain, zipped

MP3 = b"\xff\xfb\x90\x00" + bytes(2000)
FULL = np.tile(np.repeat([1.0, -1.0], 20), 200)
QUIET = np.full(RATE, 1e-4, np.float32) * np.where(np.arange(RATE) % 2, 1, -1)


def named(value: object) -> str:
    """Of a parameter: the words, not the bytes of a sound."""
    return str(value)[:40] if isinstance(value, str) else "sound"


def reason(data: bytes) -> str:
    with pytest.raises(FileRefused) as refused:
        read_clip(data, LOG_MEL, 60)
    return str(refused.value)


def noted(built: Built) -> str:
    return "\n".join(built.report.to_body().notes)


@pytest.mark.parametrize(
    ("form", "subtype"),
    [
        *(("WAV", subtype) for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW")),
        *(("FLAC", subtype) for subtype in ("PCM_16", "PCM_24")),
        *(("OGG", subtype) for subtype in ("VORBIS", "OPUS")),
    ],
)
def test_every_kind_of_sound_is_read(form: str, subtype: str) -> None:
    expected = read_clip(sound(tone()), LOG_MEL, 60).picture_HWC

    clip = read_clip(sound(tone(), form=form, subtype=subtype), LOG_MEL, 60)

    loud = expected > 150
    assert clip.picture_HWC.shape == (64, 64, 1)
    assert clip.traits == frozenset()
    assert np.abs(clip.picture_HWC.astype(int) - expected)[loud].mean() < 20


def test_class_folders_of_sounds_become_a_dataset(take: Build) -> None:
    built = take(two_tones())

    content = built.content
    assert content.images_NHWC.shape == (12, 64, 64, 1)
    assert (content.class_names, content.audio) == (("high", "low"), LOG_MEL)
    assert content.labels_N is not None
    assert np.bincount(content.labels_N).tolist() == [6, 6]
    assert (built.report.kind, built.report.taken, built.report.bad) == ("sounds", 12, 0)
    assert built.report.to_body().notes == []


def test_sounds_without_folders_have_no_classes_and_a_table_may_name_them(take: Build) -> None:
    files = [(f"{i}.wav", sound(tone(300 + 100 * i))) for i in range(4)]

    plain_one = take(zipped(files))
    named = take(zipped([*files, ("labels.csv", b"file,label\n0.wav,a\n1.wav,b\n2.wav,a\n3.wav,b\n")]))

    assert plain_one.content.class_names == ()
    assert named.content.class_names == ("a", "b")


def test_a_clip_sounds_the_same_wherever_it_began_and_however_it_was_sampled() -> None:
    expected = read_clip(sound(tone(800, 0.4)), LOG_MEL, 60).picture_HWC.astype(int)
    later = np.concatenate([np.zeros(9000), tone(800, 0.4), np.zeros(100)])

    clips = [sound(later), sound(tone(800, 0.4, 44100), 44100), sound(tone(800, 0.4, 48000), 48000, "FLAC")]

    for data in clips:
        found = read_clip(data, LOG_MEL, 60).picture_HWC
        assert np.abs(found - expected)[expected > 150].mean() < 12


@pytest.mark.parametrize(
    ("data", "trait"),
    [
        (sound(tone(rate=8000), 8000), Trait.NARROW),
        (sound(np.stack([tone(), tone(500)], axis=1)), Trait.MIXED),
        (sound(FULL), Trait.CLIPPED),
        (sound(tone(seconds=2.5)), Trait.CUT),
    ],
    ids=named,
)
def test_what_a_sender_may_want_to_know_is_noted_and_the_sound_is_taken(take: Build, data: bytes, trait: Trait) -> None:
    built = take(zipped([("a.wav", data), ("b.wav", sound(tone()))]))

    assert (built.report.taken, built.report.bad) == (2, 0)
    assert noted(built) == f"1 of 2 sounds is {trait}"


def test_a_loud_sine_is_not_called_clipped() -> None:
    loud = np.sin(2 * np.pi * 50 * np.arange(RATE) / RATE)

    assert Trait.CLIPPED not in read_clip(sound(loud), LOG_MEL, 60).traits


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (sound(np.zeros(RATE)), "is silent"),
        (sound(QUIET), "is silent"),
        (sound(np.full(RATE, 0.5)), "is silent"),
        (sound(np.stack([tone(), -tone()], axis=1)), "is silent, once its channels are mixed"),
        (sound(np.zeros(0)), "holds no sound: it is 0 s long"),
        (sound(tone())[:9000], "is cut short: 8956 of 16000 bytes of sound are there"),
        (sound(tone(seconds=3), form="FLAC")[:2000], "cut short|cannot be decoded"),
        (sound(tone())[:30], "cannot be decoded"),
        (MP3, "it is an MP3: save it as WAV, FLAC or OGG"),
        (b"ID3" + bytes(500), "it is an MP3"),
        (plain("red"), "is no WAV, FLAC or OGG that can be read: it is a PNG"),
        (b"hello", "it is text"),
        (b"", "it is empty"),
        (sound(np.array([0.1, np.nan, 0.2]), subtype="FLOAT"), "no finite numbers"),
        (sound(np.array([0.1, np.inf, 0.2]), subtype="DOUBLE"), "no finite numbers"),
        (sound(1e4 * tone(), subtype="FLOAT"), "has samples of .*; of floats full scale is 1"),
        (sound(tone(), rate=500), "has 500 samples a second; 1000 to 384000 are read"),
        (sound(tone(seconds=61)), "lasts 61.0 s; a sound may last 60 s. Cut it into words"),
        (sound(np.zeros((400, 40))), "has 40 channels; up to 32 are read"),
        (b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0" + bytes(16) + b"data\0\0\0\0", "cannot be decoded"),
    ],
    ids=named,
)
def test_what_cannot_be_taken_is_told_with_its_reason(data: bytes, words: str) -> None:
    assert re.search(words, reason(data))


def test_a_wav_from_a_pipe_whose_length_nobody_knew_is_taken() -> None:
    data = bytearray(sound(tone()))
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", 0xFFFFFFFF)

    assert read_clip(bytes(data), LOG_MEL, 60).picture_HWC.any()


def test_bad_sounds_are_named_and_the_others_taken(take: Build) -> None:
    bad = [("tones/low/x.wav", MP3), ("tones/low/y.mp3", MP3), ("tones/low/z.wav", sound(np.zeros(99)))]
    good = [(f"tones/{name}/{i}.wav", sound(tone(500 + i))) for i in range(3) for name in ("high", "low")]

    built = take(zipped([*good, *bad]))

    reasons = {each.name: each.reason for each in built.report.to_body().bad_files}
    assert (built.report.taken, built.report.bad) == (6, 3)
    assert "is an MP3" in reasons["tones/low/x.wav"]
    assert reasons["tones/low/y.mp3"] == "is an MP3: save it as WAV, FLAC or OGG"
    assert "is silent" in reasons["tones/low/z.wav"]


def test_of_sounds_and_pictures_what_there_is_more_of_is_taken_and_the_rest_named(take: Build) -> None:
    sounds = [(f"{i}.wav", sound(tone(500 + i))) for i in range(3)]
    pictures = [(f"{i}.png", plain("red")) for i in range(3)]

    heard = take(zipped([*sounds, *pictures[:1]]))
    seen = take(zipped([*sounds[:1], *pictures]), size="16")

    assert (heard.report.kind, heard.report.taken, heard.report.bad) == ("sounds", 3, 1)
    assert "pictures go into a zip of their own" in heard.report.to_body().bad_files[0].reason
    assert "there are more sounds in it than pictures" in noted(heard)
    assert (seen.report.kind, seen.report.taken, seen.report.bad) == ("pictures", 3, 1)
    assert seen.report.to_body().bad_files[0].reason.startswith("is a WAV: sounds go into a zip of their own")


def test_nothing_but_bad_sounds_is_refused_with_the_reasons(take: Build) -> None:
    with pytest.raises(InvalidRequest) as refused:
        take(zipped([("a.wav", sound(np.zeros(99))), ("b.wav", MP3)]))

    assert "there is no sound in it" in str(refused.value)
    assert len(refused.value.problems) == 2


@pytest.mark.parametrize("option", [{"size": "64"}, {"crop": "none"}, {"channels": "1"}, {"background": "black"}])
def test_options_of_pictures_are_refused_for_sounds(take: Build, option: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        take(two_tones(2), **option)

    assert refused.value.problems[0].pointer == f"/{next(iter(option))}"
    assert "is an option of pictures, and these are sounds" in str(refused.value)


def test_the_longest_sound_is_a_setting(take: Build) -> None:
    built = take(
        zipped([("a.wav", sound(tone(seconds=3))), ("b.wav", sound(tone()))]),
        limits=LIMITS.model_copy(update={"seconds": 2.0}),
    )

    assert (built.report.taken, built.report.bad) == (1, 1)
    assert "a sound may last 2 s" in built.report.to_body().bad_files[0].reason


def test_a_single_sound_is_no_dataset(take: Build) -> None:
    with pytest.raises(InvalidRequest, match="is a WAV, a single sound; send a zip or a tar of many"):
        take(sound(tone()))
