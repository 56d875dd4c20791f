"""Content decides: a picture is taken under any name, and what is none is told for what it is, with what to do."""

import numpy as np
import pytest
from PIL import Image

from core.datasets.sniff import kind_of
from core.errors import InvalidRequest
from tests.core.datasets.conftest import Build
from tests.pictures import tiff
from tests.uploads import picture, plain, saved, zipped

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
FOREIGN = {
    "HEIC": (HEIC, "is a HEIC photo: save it as JPEG or PNG"),
    "HEIF": (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(99), "is a HEIC photo"),
    "JPEG XL": (b"\xff\x0a" + bytes(99), "is a JPEG XL picture: save it as"),
    "JPEG XL in boxes": (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(99), "is a JPEG XL picture"),
    "JPEG 2000": (saved(Image.new("RGB", (16, 16)), "JPEG2000"), "is a JPEG 2000 picture"),
    "Photoshop": (b"8BPS\0\1" + bytes(99), "is a Photoshop file: save it as"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is an SVG drawing: save it as"),
    "SVG in XML": (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- drawn -->\n<svg/>", "is an SVG drawing"),
    "HTML": (b"\n <!DOCTYPE HTML><html><title>404</title>", "is a web page: as a download leaves that failed"),
    "raw photo of Canon": (b"II*\0\x10\0\0\0CR\2\0" + bytes(99), "is a raw photo: develop it"),
    "newer one of Canon": (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(99), "is a raw photo: develop it"),
    "raw photo of Fujifilm": (b"FUJIFILMCCD-RAW 0201" + bytes(99), "is a raw photo: develop it"),
    "raw photo of Nikon": (tiff(np.zeros((16, 16), np.uint8), t254=1), "as raw photos do: develop it"),
    "PDF": (b"%PDF-1.7\n", "is a PDF: save its pages as"),
    "film": (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(99), "is a film: save its frames as"),
    "pickle": (b"\x80\x04\x95" + bytes(99), "is a Python pickle, which can run code and is never opened"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "is a pointer of Git LFS: fetch"),
    "gzipped": (b"\x1f\x8b\x08" + bytes(99), "is gzipped: unpack it first"),
    "text": (b"Not found\n", "is text"),
    "nothing": (b"", "is empty"),
    "noise": (bytes(range(1, 9)) * 40, "is no PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF or PPM that can be read"),
}


@pytest.mark.parametrize(("data", "told"), [pytest.param(*case, id=name) for name, case in FOREIGN.items()])
def test_what_is_no_picture_that_can_be_read_is_told_for_what_it_is(take: Build, data: bytes, told: str) -> None:
    built = take(zipped([("a.jpg", data), ("b.jpg", plain("red"))]))

    (bad,) = built.report.to_body().bad_files
    assert (bad.name, built.report.taken) == ("a.jpg", 1)
    assert bad.reason.startswith(told) or told in bad.reason


@pytest.mark.parametrize("name", ["a.heic", "a.HEIF", "a", "a.jpg_large", "a.unknown"])
def test_it_is_told_under_every_name(take: Build, name: str) -> None:
    built = take(zipped([(name, HEIC), ("b.jpg", plain("red"))]))

    assert [bad.reason for bad in built.report.to_body().bad_files] == ["is a HEIC photo: save it as JPEG or PNG"]


@pytest.mark.parametrize(
    "name", ["a.jpg_large", "a.jfif", "a.heic", "a.txt", "a.php", "a.jpg-1", "a", "a.zip", "a.avif"]
)
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "PPM"])
def test_a_picture_is_taken_under_every_name(take: Build, name: str, form: str) -> None:
    data = picture((16, 16), form=form)

    built = take(zipped([(f"cat/{name}", data), ("dog/b.png", plain("red"))]))

    assert (built.report.taken, built.report.bad) == (2, 0)
    assert built.content.class_names == ("cat", "dog")


def test_what_is_text_stays_no_picture_and_makes_no_class(take: Build) -> None:
    entries = [
        ("README.md", b"read me"),
        ("notes/a.txt", b"none"),
        ("pets/1.png", plain("red")),
        ("pets/2.png", plain("red")),
    ]

    built = take(zipped(entries))

    assert built.content.class_names == ()
    assert {bad.name for bad in built.report.to_body().bad_files} == {"README.md", "notes/a.txt"}


def test_one_picture_alone_is_no_dataset_and_that_is_told(take: Build) -> None:
    with pytest.raises(InvalidRequest, match="is a JPEG, a single picture; send a zip or a tar of many"):
        take(picture(form="JPEG"))


@pytest.mark.parametrize("head", [b"BM", b"P", b"RIFF", b"\0\0\0\x18ftyp", b"\xff", b"\0" * 8])
def test_a_file_of_few_bytes_does_no_harm(head: bytes) -> None:
    kind_of(head)
