"""Speaks the dataset `spoken-digits`: the words zero to nine in many synthetic voices of espeak-ng. Knows no network.

    python -m bench.speech [FILE]                              # 600 of each word as a zip, var/spoken-digits.zip
    python -m bench.speech held.zip --held-out --per-class 200 # the same words in voices that are not in the first

A sound is a function of word, voice, speed and pitch, so one version of espeak-ng speaks the same sounds anywhere. They
are synthetic voices, and sound like that. Import the zip with `ganymede datasets import spoken-digits
var/spoken-digits.zip`.
"""

import argparse
import itertools
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029")
LEARNT, HELD_OUT = ("m1", "m2", "m3", "m4", "m5", "f1", "f2", "f3"), ("m6", "m7", "m8", "f4", "f5")  # variants
SPEEDS, PITCHES = (130, 150, 170, 190, 210), (30, 40, 50, 60, 70)  # words a minute; of 0 to 99
PER_CLASS = 600
DATE = (1980, 1, 1, 0, 0, 0)  # of every file in the zip, so that the same sounds make the same zip
LONGEST_S = 60.0  # of a sound; all of these are shorter than two seconds
PROGRAM = "espeak-ng"
LICENCE = "MIT"
ATTRIBUTION = "spoken by eSpeak NG"
NOTICE = f"""# The spoken digits

Sounds of the words zero to nine, and models that have learnt from them.

- **Spoken by**: eSpeak NG (https://github.com/espeak-ng/espeak-ng), a program under the GNU General Public License,
  version 3 or later. Neither the program nor the data of its voices is part of this. The output of a program is under
  its licence only where it is itself a work based on the program (section 2 of the licence); spoken words are not
  taken for one here.
- **Voices**: all are synthetic, by rules and formants.
- **Licence** of the weights: that of Ganymede, {LICENCE}.
- **Changes**: resampled to 16 kHz, trimmed, kept as spectrograms. The sounds are not bundled.
- **Made by**: `make dataset-speech` (`python -m bench.speech`).
"""
MISSING = f"""{PROGRAM} is not here; it speaks the words. Install it:
    apt-get install espeak-ng      (Debian, Ubuntu)
    dnf install espeak-ng          (Fedora)
    brew install espeak-ng         (macOS)"""


@dataclass(frozen=True, slots=True)
class Voice:
    """How a word is spoken."""

    accent: str
    variant: str
    speed: int
    pitch: int

    def __str__(self) -> str:
        return f"{self.accent}-{self.variant}-{self.speed}-{self.pitch}"


def main(arguments: list[str] | None = None) -> None:
    """Write the zip: a folder for each word."""
    parser = argparse.ArgumentParser(description="Speak the digits into a zip.")
    parser.add_argument("file", nargs="?", type=Path, default=Path("var/spoken-digits.zip"))
    parser.add_argument("--per-class", type=int, default=PER_CLASS, help="sounds of each word")
    parser.add_argument("--held-out", action="store_true", help="in the voices that are kept apart")
    options = parser.parse_args(arguments)
    if shutil.which(PROGRAM) is None:
        sys.exit(MISSING)
    options.file.parent.mkdir(parents=True, exist_ok=True)
    chosen = voices(options.per_class, held_out=options.held_out)
    with zipfile.ZipFile(options.file, "w", zipfile.ZIP_DEFLATED) as archive:
        for word in WORDS:
            for voice in chosen:
                entry = zipfile.ZipInfo(f"{word}/{voice}.wav", DATE)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, spoken(word, voice))
    print(f"{options.file}: {len(WORDS) * len(chosen):,} sounds of {len(WORDS)} words, synthetic voices")


def voices(count: int, *, held_out: bool = False) -> list[Voice]:
    """Return `count` voices, always the same, spread over all there are; ValueError where there are fewer."""
    variants = HELD_OUT if held_out else LEARNT
    all_of_them = [Voice(*each) for each in itertools.product(ACCENTS, variants, SPEEDS, PITCHES)]
    if not 1 <= count <= len(all_of_them):
        raise ValueError(f"there are {len(all_of_them)} voices; {count} were asked for")
    order = np.random.RandomState(0).permutation(len(all_of_them))
    return [all_of_them[i] for i in sorted(order[:count])]


def spoken(word: str, voice: Voice) -> bytes:
    """Return a word as a WAV of 22,050 Hz."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "word.wav"
        how = ["-v", f"{voice.accent}+{voice.variant}", "-s", str(voice.speed), "-p", str(voice.pitch)]
        subprocess.run([PROGRAM, *how, "-w", str(path), word], check=True, capture_output=True)
        return path.read_bytes()


def all_spoken(count: int, *, held_out: bool = False) -> Iterator[tuple[int, bytes]]:
    """Yield the label and the WAV of each word in each of so many voices."""
    for label, word in enumerate(WORDS):
        for voice in voices(count, held_out=held_out):
            yield label, spoken(word, voice)


if __name__ == "__main__":
    main()
