"""Names of files of any encoding, separator and length: a good picture is taken whatever it is called."""

import tarfile
import unicodedata
import zlib

import pytest

from core.datasets.order import ImportForm
from core.errors import InvalidRequest
from tests.core.datasets.conftest import Build
from tests.uploads import plain, raw_zip, tarred, zipped

RED = plain("red")


def classes(take: Build, data: bytes, **form: str) -> tuple[str, ...]:
    built = take(data, **form)
    assert built.report.bad == 0, built.report.to_body().bad_files
    return built.content.class_names


def two(*names: bytes) -> list[tuple[bytes, bytes]]:
    """A picture in each of these folders."""
    return [(name + b"/1.png", plain((i, 0, 0))) for i, name in enumerate(names)]


@pytest.mark.parametrize("folder", ["pets", "a/b", ""])
def test_backslashes_are_separators_as_slashes_are(take: Build, folder: str) -> None:
    entries = [
        *((f"{folder}/{name}/{i}.png".lstrip("/"), plain((i, 0, 0))) for i in range(2) for name in ("cat", "dog")),
    ]
    windows = [((name.replace("/", "\\")).encode(), data) for name, data in entries]
    folders = [(folder.replace("/", "\\").encode() + b"\\", b"")] if folder else []

    built = take(raw_zip(folders + windows))

    assert built.content.digest == take(zipped(entries)).content.digest
    assert built.report.to_body().files == 4


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp932", ("ソース", "表示")),  # whose second bytes are backslashes
        ("gbk", ("狗", "誠\u4e02")),
        ("big5", ("功能", "許")),
        ("euc_kr", ("개", "고양이")),
        ("cp1252", ("Käfer", "Vögel")),
        ("cp437", ("Käfer", "Vögel")),
        ("koi8-r", ("кошка", "собака")),
    ],
)
@pytest.mark.parametrize("says_utf8", [False, True])
def test_a_name_in_another_encoding_is_shown_escaped_and_decoded_where_that_is_told(
    take: Build, encoding: str, names: tuple[str, str], says_utf8: bool
) -> None:
    data = raw_zip(two(*(name.encode(encoding) for name in names)), says_utf8=says_utf8)
    packed = tarred((name.encode(encoding).decode("utf-8", "surrogateescape") + "/1.png", RED) for name in names)

    told, untold = take(data, encoding=encoding), take(data)

    assert set(told.content.class_names) == set(names)
    assert told.report.to_body().notes == []
    assert set(classes(take, packed, encoding=encoding)) == set(names)
    assert untold.report.bad == 0
    assert len(untold.content.class_names) == 2
    assert any("\\x" in name for name in untold.content.class_names)
    assert "names that are not in UTF-8 are shown escaped" in untold.report.to_body().notes[0]


def test_names_in_utf_8_stay_so_whatever_encoding_is_told(take: Build) -> None:
    flagged = raw_zip(two("猫".encode(), "犬".encode()), says_utf8=True)

    assert classes(take, flagged, encoding="cp1252") == ("犬", "猫")


def test_the_unicode_path_of_an_entry_is_its_name_unless_it_is_of_another(take: Build) -> None:
    raw, told = "Käfer/1.png".encode("cp437"), "Käfer/1.png".encode()
    body = b"\x01" + zlib.crc32(raw).to_bytes(4, "little") + told
    other = b"\x01" + zlib.crc32(b"another name").to_bytes(4, "little") + told

    def extra(data: bytes) -> bytes:
        return b"\x75\x70" + len(data).to_bytes(2, "little") + data

    named = take(raw_zip([(raw, RED)], extra=extra(body)), encoding="gbk")
    stale = take(raw_zip([(raw, b"no"), *two(b"a", b"b")], extra=extra(other)))
    broken = take(raw_zip([(raw, b"no"), *two(b"a", b"b")], extra=extra(body[:5] + b"\xff")))

    assert (named.report.taken, named.report.bad) == (1, 0)
    assert [bad.name for bad in stale.report.to_body().bad_files] == ["K\\x84fer/1.png"]
    assert [bad.name for bad in broken.report.to_body().bad_files] == ["K\\x84fer/1.png"]


@pytest.mark.parametrize("extra", [b"\0\0\0", b"\0" * 5, b"\x99\x99\xff\xff", b"\x75\x70\xff\xff\x01"])
def test_an_extra_field_that_is_cut_short_costs_nothing(take: Build, extra: bytes) -> None:
    assert classes(take, raw_zip(two(b"a", b"b"), extra=extra)) == ("a", "b")


def test_a_version_of_the_format_that_is_not_known_costs_nothing(take: Build) -> None:
    data = bytearray(raw_zip(two(b"a", b"b")))
    data[data.index(b"PK\x01\x02") + 6] = 90

    assert classes(take, bytes(data)) == ("a", "b")


@pytest.mark.parametrize(
    "name", ["CON", "aux.png", "a:b", "x?*|<>", "nul", "100%", "a b ", "-rf", "~", "'\"", "a/../b"]
)
def test_a_name_that_another_system_could_not_have_is_taken(take: Build, name: str) -> None:
    assert len(classes(take, zipped([(f"{name}/1.png", RED), ("other/1.png", RED)]))) == 2


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\x07", "a\\x07"),
        ("\u202efdp", "\\u202efdp"),
        ("a\nb", "a\\x0ab"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_cannot_be_read_in_a_name_is_shown_escaped(take: Build, name: str, shown: str) -> None:
    built = take(zipped([(f"{name}/1.png", RED), ("z/1.png", RED), (f"z/{name}.png", b"no")]))

    assert set(built.content.class_names) == {shown, "z"}
    assert built.report.to_body().bad_files[0].name == f"z/{shown}.png"


def test_folders_with_very_long_names_stay_different_classes(take: Build) -> None:
    data = zipped((f"{'x' * 5000}{end}/1.png", RED) for end in "ab")

    found = classes(take, data)

    assert len(set(found)) == 2
    assert all(len(name) == 100 and name.startswith("x" * 91 + "~") for name in found)


def test_a_class_composed_and_decomposed_is_one_and_all_of_its_pictures_are_taken(take: Build) -> None:
    names = [unicodedata.normalize(form, "é") for form in ("NFC", "NFD")]
    data = zipped([*((f"{name}/1.png", plain((i, 0, 0))) for i, name in enumerate(names)), ("z/1.png", RED)])

    built = take(data)

    assert built.content.class_names == ("z", "é")
    assert (built.report.taken, built.report.bad) == (3, 0)


def test_classes_that_differ_in_case_alone_stay_two_and_are_told(take: Build) -> None:
    built = take(zipped([("Cat/1.png", RED), ("cat/1.png", RED)]))

    assert built.content.class_names == ("Cat", "cat")
    assert built.report.to_body().notes == [
        "classes 'Cat' and 'cat' differ in upper and lower case alone; they stay two"
    ]


@pytest.mark.parametrize("encoding", ["klingon", "utf-16", "utf-7", "rot13", "cp037", "../x", "base64", "x" * 41])
def test_an_encoding_in_which_no_names_are_is_refused(encoding: str) -> None:
    with pytest.raises(ValueError, match="encoding"):
        ImportForm(name="a", encoding=encoding)


def test_a_zip_that_is_refused_names_nothing_that_breaks_a_line(take: Build) -> None:
    with pytest.raises(InvalidRequest) as refused:
        take(raw_zip([(b"\xff\n.png", b"no")]))

    assert str(refused.value).isprintable()


def test_a_name_that_the_header_of_the_file_spells_otherwise_is_the_one_of_the_directory(take: Build) -> None:
    data = raw_zip(two(b"a\\x", b"b\\x")).replace(b"a\\x", b"a/x", 1)

    assert classes(take, data) == ("a", "b")


def test_names_of_a_tar_that_are_told_to_be_utf_8_stay_so(take: Build) -> None:
    entries = [(f"{name}/1.png", RED) for name in ("猫", "表".encode("cp932").decode("utf-8", "surrogateescape"))]

    assert classes(take, tarred(entries, format=tarfile.PAX_FORMAT), encoding="cp932") == ("猫", "表")
