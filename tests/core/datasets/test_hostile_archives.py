"""Zips that were made to do harm, or broke on the way: refused as a whole, or file by file with the reason."""

import io
import stat
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from PIL import Image

from core.errors import InvalidRequest
from tests.core.datasets.conftest import LIMITS, Build
from tests.uploads import class_folders, picture, plain, saved, zipped

GOOD = plain("red")
MANY = LIMITS.model_copy(update={"files": 10_000})


def reasons(take: Build, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> dict[str, str]:
    """Why each of these files was not taken, beside a good one that was."""
    built = take(zipped([("good.png", GOOD), *entries]))
    report = built.report.to_body()
    assert built.content.images_NHWC.shape[0] == report.taken == 1
    assert report.bad == len(report.bad_files)
    return {bad.name: bad.reason for bad in report.bad_files}


@pytest.mark.parametrize(
    "name",
    [
        "../x.png",
        "a/../../x.png",
        "/etc/x.png",
        "C:/x.png",
        "..\\x.png",
        "\\\\host\\x.png",
        "a/../..",
        "..",
        "a\\..\\..\\x.png",
    ],
)
def test_a_name_that_leads_out_of_the_archive_is_not_taken(take: Build, tmp_path: Path, name: str) -> None:
    found = reasons(take, (name, GOOD))

    assert list(found.values()) == ["its name leads out of the archive"]
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"file-0", "images.npy"}


def test_a_link_is_not_followed(take: Build) -> None:
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16

    assert reasons(take, (link, b"/etc/passwd")) == {"link.png": "is a link; pack what it leads to"}


def test_a_file_that_is_there_twice_counts_once(take: Build) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = zipped([("a.png", plain("red")), ("a.png", plain("blue")), ("./a.png", plain("lime"))])

    built = take(data)

    assert (built.content.images_NHWC[0] == (255, 0, 0)).all()
    bad = {(bad.name, bad.reason) for bad in built.report.to_body().bad_files}
    assert bad == {(name, "is there twice; the first one counts") for name in ("a.png", "./a.png")}


@pytest.mark.parametrize("name", ["more.zip", "a.tar", "b.tar.gz", "c.7z", "d.npz"])
def test_an_archive_in_the_archive_is_not_opened(take: Build, name: str) -> None:
    assert reasons(take, (name, class_folders())) == {name: "is an archive; those within an archive are not opened"}


@pytest.mark.parametrize("name", ["readme.txt", "labels.md", "a.svg", "a.eps", "a.py"])
def test_what_has_neither_the_name_of_a_picture_nor_what_one_holds_is_not_taken(take: Build, name: str) -> None:
    assert reasons(take, (name, b"whatever it says")) == {name: "does not have the name of a picture"}


BROKEN = {
    "empty": b"",
    "text": b"no picture",
    "postscript by another name": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "an archive by another name": class_folders(),
    "only a head": picture()[:20],
    "cut short": picture()[: len(picture()) // 2],
    "a jpeg cut short": picture(form="JPEG")[:400],
    "a flipped byte": bytes(b ^ 0xFF if i == 200 else b for i, b in enumerate(picture())),
    "a side of zero": picture()[:16] + bytes(4) + picture()[20:],
    "floats without a range": saved(Image.new("F", (8, 8), 300), "TIFF"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_whole_picture_is_told_and_the_others_are_taken(take: Build, kind: str) -> None:
    (reason,) = reasons(take, ("bad.png", BROKEN[kind])).values()

    assert 5 < len(reason) < 200
    assert "0x" not in reason  # no addresses


def claims(width: int, height: int) -> bytes:
    """A PNG that says it is so large; there is nothing in it."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"")
    chunks = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (header, data, b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("size", [(1001, 1000), (40_000, 40_000), (2**31 - 1, 2**31 - 1)])
def test_a_picture_of_too_many_pixels_is_not_decoded(take: Build, size: tuple[int, int]) -> None:
    assert "pixels" in reasons(take, ("bomb.png", claims(*size)))["bomb.png"]


def test_a_picture_that_unpacks_to_many_times_its_size_is_not_unpacked(take: Build) -> None:
    data = zipped([("good.bmp", plain("red", form="BMP")), ("bomb.bmp", plain("red", (900, 900), form="BMP"))])

    (bad,) = take(data).report.to_body().bad_files

    assert (bad.name, bad.reason) == ("bomb.bmp", "unpacks to more than 200 times its size")


def test_an_archive_that_unpacks_to_too_much_is_refused_whole(take: Build) -> None:
    data = zipped((f"{i}.png", bytes(1_000_000)) for i in range(11))

    with pytest.raises(InvalidRequest, match="/file: unpacks to 11000000 bytes; an archive may have 10000000"):
        take(data)


def test_an_archive_of_too_many_files_is_refused_whole(take: Build) -> None:
    data = zipped((f"{i}.png", b"") for i in range(1001))

    with pytest.raises(InvalidRequest, match="/file: has 1001 files; an archive may have 1000"):
        take(data)


def test_a_directory_of_millions_of_files_is_not_even_read(take: Build) -> None:
    data = bytearray(zipped([("a.png", GOOD)]))
    at = data.rindex(b"PK\x05\x06")
    struct.pack_into("<II", data, at + 12, 2**30, 0)  # its size and where it begins

    with pytest.raises(InvalidRequest, match="/file: no zip that can be read"):
        take(bytes(data), limits=LIMITS)


def test_images_that_would_fill_the_disk_are_refused_before_the_first_is_decoded(take: Build) -> None:
    data = zipped((f"{i}.png", plain("red", (1, 1))) for i in range(60))

    with pytest.raises(InvalidRequest, match="/size: 60 images of 256x256x3 take 11796480 bytes; 10000000 are allowed"):
        take(data, size="256")


def test_encrypted_files_are_told(take: Build) -> None:
    data = bytearray(class_folders(2))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(signature)
        data[at + offset] |= 1

    report = take(bytes(data)).report.to_body()

    assert [(bad.name, bad.reason) for bad in report.bad_files] == [
        ("pets/cat/0000.png", "is encrypted; pack it without a password")
    ]


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packings_that_may_ask_for_any_memory_are_not_unpacked(take: Build, packing: int) -> None:
    with pytest.raises(InvalidRequest, match=r"a\.png: is packed in a way other than stored and deflated"):
        take(zipped([("a.png", GOOD)], packing))


def test_a_file_that_is_damaged_in_the_archive_is_told(take: Build) -> None:
    data = bytearray(zipped([("a.png", picture()), ("b.png", GOOD)], zipfile.ZIP_STORED))
    data[60] ^= 0xFF

    (bad,) = take(bytes(data)).report.to_body().bad_files

    assert bad.name == "a.png"
    assert bad.reason.startswith("is damaged in the archive")


@pytest.mark.parametrize("cut", [0, 3, 30, 200, -1, -10])
def test_a_zip_cut_short_is_refused_whole(take: Build, cut: int) -> None:
    with pytest.raises(InvalidRequest, match="/file: "):
        take(class_folders()[:cut])


def test_a_picture_that_is_a_zip_as_well_is_no_zip_here(take: Build) -> None:
    with pytest.raises(InvalidRequest, match="is a PNG, a single picture"):
        take(GOOD + class_folders())


def test_names_in_utf_8_are_read_with_and_without_the_flag_for_it(take: Build) -> None:
    names = ["Zürich", "東京"]
    flagged = zipped((f"{name}/1.png", plain("red")) for name in names)
    unflagged = bytearray(flagged)
    for signature, offset in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
        at = -1
        while (at := unflagged.find(signature, at + 1)) >= 0:
            unflagged[at + offset] &= 0xF7
    decomposed = zipped((f"{name}/1.png", plain("red")) for name in ["Zu\u0308rich", "東京"])

    assert [take(data).content.class_names for data in (flagged, bytes(unflagged), decomposed)] == [
        ("Zürich", "東京")
    ] * 3


def test_a_zip_of_nothing_that_can_be_taken_is_refused_with_the_reasons(take: Build) -> None:
    with pytest.raises(InvalidRequest) as refused:
        take(zipped([*((f"{i}.png", b"no") for i in range(50)), ("notes.txt", b"")]))

    assert str(refused.value).startswith("/file: there is no picture in it; 51 files cannot be taken, the first: ")
    assert len(refused.value.problems) == 20
    with pytest.raises(InvalidRequest, match="/file: there is no picture in it"):
        take(zipped([]))


def test_the_report_is_bounded_whatever_the_archive_holds(take: Build) -> None:
    names = [f"{'n' * 5000}{i}.png" for i in range(300)]

    report = take(zipped([("good.png", GOOD), *((name, b"no") for name in names)]), limits=MANY).report.to_body()

    assert (report.taken, report.bad, len(report.bad_files)) == (1, 300, 200)
    assert all(len(bad.name) <= 203 for bad in report.bad_files)


def test_whatever_byte_is_flipped_an_upload_is_taken_or_refused(take: Build) -> None:
    data = class_folders(4)
    for at in range(0, len(data), 37):
        broken = bytearray(data)
        broken[at] ^= 0x5A
        try:
            built = take(bytes(broken))
        except InvalidRequest as error:
            assert len(str(error)) < 2000  # noqa: PT017
        else:
            assert built.report.taken + built.report.bad + built.report.ignored >= 3


def test_a_zip_with_a_comment_or_in_zip64_is_read(take: Build) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.comment = b"a comment " * 100
        with archive.open("a.png", "w", force_zip64=True) as entry:
            entry.write(GOOD)

    assert take(buffer.getvalue()).report.taken == 1
