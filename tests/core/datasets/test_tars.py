"""Tar archives, plain and compressed, well-made and hostile."""

import bz2
import gzip
import lzma
import subprocess
import tarfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from core.errors import InvalidRequest
from tests.core.datasets.conftest import LIMITS, Build
from tests.uploads import idx, picture, plain, tarred, zipped

RED = plain("red")
PETS = [(f"pets/{('cat', 'dog')[i % 2]}/{i}.png", picture((16, 16), seed=i)) for i in range(6)]


def linked(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_a_tar_is_as_good_as_a_zip(take: Build, mode: str, form: int) -> None:
    built = take(tarred(PETS, mode, format=form))

    assert built.content.digest == take(zipped(PETS)).content.digest
    assert (built.report.kind, built.report.taken, built.report.bad) == ("pictures", 6, 0)


def test_a_tar_of_the_system_is_read_with_long_and_foreign_names(take: Build, tmp_path: Path) -> None:
    folder = tmp_path / "pets" / ("x" * 120)
    folder.mkdir(parents=True)
    (folder / "猫.png").write_bytes(RED)
    (tmp_path / "pets" / "dog").mkdir()
    (tmp_path / "pets" / "dog" / f"{'y' * 150}.png").write_bytes(RED)

    packed = subprocess.run(["tar", "-C", tmp_path, "-cz", "pets"], capture_output=True, check=True).stdout

    assert take(packed).report.taken == 2


def test_streams_one_after_the_other_are_one(take: Build) -> None:
    data = tarred(PETS)
    for pack in (gzip.compress, bz2.compress, lzma.compress):
        assert take(pack(data[:1000]) + pack(data[1000:])).report.taken == 6


def test_a_hard_link_is_the_file_that_it_leads_to_and_nothing_else_is_followed(take: Build) -> None:
    entries: list[tuple[str | tarfile.TarInfo, bytes]] = [
        ("good.png", RED),
        linked("hard.png", tarfile.LNKTYPE, "good.png"),
        linked("harder.png", tarfile.LNKTYPE, "hard.png"),
        linked("out.png", tarfile.LNKTYPE, "/etc/hostname"),
        linked("self.png", tarfile.LNKTYPE, "self.png"),
        linked("soft.png", tarfile.SYMTYPE, "good.png"),
        linked("secret.png", tarfile.SYMTYPE, "/etc/passwd"),
        linked("pipe.png", tarfile.FIFOTYPE),
        linked("disk.png", tarfile.BLKTYPE),
        linked("tty.png", tarfile.CHRTYPE),
        ("../out.png", RED),
        ("/abs.png", RED),
    ]

    report = take(tarred(entries)).report.to_body()

    reasons = {bad.name: bad.reason for bad in report.bad_files}
    assert report.taken == 3
    assert reasons.pop("soft.png") == reasons.pop("secret.png") == "is a link; pack what it leads to (tar -h)"
    assert reasons.pop("out.png") == reasons.pop("self.png") == "is a link to no file of the archive"
    assert reasons.pop("../out.png") == reasons.pop("/abs.png") == "its name leads out of the archive"
    assert set(reasons) == {"pipe.png", "disk.png", "tty.png"}
    assert set(reasons.values()) == {"is no file but a device, a pipe or a part of another"}


def test_a_sparse_file_is_read_whole(take: Build, tmp_path: Path) -> None:
    data = plain("black", (300, 300), form="BMP")
    with (tmp_path / "a.bmp").open("wb") as file:
        file.write(data[:54])
        file.truncate(len(data))

    packed = subprocess.run(["tar", "-C", tmp_path, "-cS", "a.bmp"], capture_output=True, check=True).stdout

    assert len(packed) < len(data)
    assert take(packed).report.taken == 1


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
@pytest.mark.parametrize("at", [0.3, 0.7, 0.95])
def test_a_tar_that_is_cut_short_is_refused_and_not_taken_in_part(take: Build, mode: str, at: float) -> None:
    data = tarred(PETS, mode)
    end = len(data) if mode != "w" else 6 * 1536

    with pytest.raises(InvalidRequest, match=r"/file: .*(no tar that can be read|damaged or cut short)"):
        take(data[: int(end * at)])


def test_a_damaged_header_is_not_taken_for_the_end(take: Build) -> None:
    data = bytearray(tarred(PETS))
    data[data.index(b"pets/dog/3") + 1] ^= 0xFF

    with pytest.raises(InvalidRequest, match=r"no tar that can be read: what follows byte [0-9]+ is no header"):
        take(bytes(data))


def test_one_tar_after_the_other_is_not_half_of_it(take: Build) -> None:
    with pytest.raises(InvalidRequest, match="several in one file"):
        take(tarred(PETS) + tarred([("more.png", RED)]))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_bomb_is_not_unpacked(take: Build, pack: object) -> None:
    assert callable(pack)
    bomb = pack(tarred([("bomb.png", bytes(40_000_000))]))

    with pytest.raises(InvalidRequest, match="/file: unpacks to more than"):
        take(bomb)


def test_limits_are_those_of_a_zip(take: Build) -> None:
    with pytest.raises(InvalidRequest, match="/file: has more than 5 files"):
        take(tarred(PETS), limits=LIMITS.model_copy(update={"files": 5}))
    with pytest.raises(InvalidRequest, match="/file: unpacks to more than 1000 bytes"):
        take(tarred(PETS), limits=LIMITS.model_copy(update={"bytes": 1000}))
    many = [("good.png", plain("red", (900, 900), form="BMP"))]
    with pytest.raises(InvalidRequest, match="/file: unpacks to more than 10000000 bytes"):
        take(tarred(many + [linked(f"{i}.png", tarfile.LNKTYPE, "good.png") for i in range(5)]))


def header(**fields: bytes) -> bytes:
    """A header of a tar with these fields, whatever they say."""
    block = bytearray(tarfile.TarInfo("a.png").tobuf(tarfile.USTAR_FORMAT))
    for name, value in fields.items():
        at = {"size": 124, "type": 156}[name]
        block[at : at + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize(
    "data",
    [
        header(size=b"\xff" * 12) + bytes(1024),  # below zero
        header(size=b"\x80" + b"\x7f" * 11) + bytes(1024),  # more than there is
        header(type=b"x", size=b"77777777777\0") + bytes(1024),  # a long header that is not there
        header(type=b"L", size=b"00100000000\0") + bytes(1 << 20),  # a name of 16 MiB
        header(type=b"L", size=b"00000001000\0") * 3000,  # names of names
        header(type=b"x", size=b"00000001000\0") + b"9" * 512 + bytes(1024),
        header(type=b"S") + b"\xff" * 512 + bytes(1024),
    ],
)
def test_a_header_that_lies_is_refused(take: Build, data: bytes) -> None:
    with pytest.raises(InvalidRequest, match="/file"):
        take(data)


def test_whatever_byte_is_flipped_a_tar_is_taken_or_refused(take: Build) -> None:
    data = tarred(PETS[:2])
    for at in range(0, 3000, 61):
        broken = bytearray(data)
        broken[at] ^= 0x5A
        try:
            take(bytes(broken))
        except InvalidRequest as error:
            assert len(str(error)) < 2000  # noqa: PT017


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_idx_files_within_an_archive_are_read(take: Build, pack: object) -> None:
    assert callable(pack)
    images, labels = np.zeros((4, 28, 28), np.uint8), np.array([0, 1, 1, 0], np.uint8)
    entries = [
        ("MNIST/raw/train-images-idx3-ubyte", idx(images)),
        ("MNIST/raw/train-labels-idx1-ubyte.gz", gzip.compress(idx(labels))),
        ("MNIST/raw/t10k-images.idx3-ubyte.gz", gzip.compress(idx(images[:2]))),
        ("MNIST/raw/t10k-labels.idx1-ubyte", idx(labels[:2])),
        ("MNIST/readme.txt", b"hello"),
    ]

    built = take(pack(entries))

    assert (built.report.kind, built.report.taken) == ("idx", 6)
    assert built.content.labels_N is not None
    assert built.content.labels_N.tolist() == [0, 1, 1, 0, 0, 1]


def test_idx_files_of_several_datasets_are_refused_by_name(take: Build) -> None:
    array = idx(np.zeros((4, 28, 28), np.uint8))

    with pytest.raises(InvalidRequest, match="of several datasets; send those of one: emnist-digits-train-images"):
        take(zipped([(f"gzip/emnist-{name}-train-images-idx3-ubyte", array) for name in ("letters", "digits")]))


def test_an_empty_tar_says_that_there_is_no_picture(take: Build) -> None:
    for data in (tarred([]), tarred([], "w:gz"), bytes(10240)):
        with pytest.raises(InvalidRequest, match="there is no picture in it"):
            take(data)


def test_a_dictionary_that_would_fill_the_memory_is_not_made(take: Build) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]
    data = bytearray(lzma.compress(tarred(PETS), filters=filters))
    data[16] = 40  # of the block's header: a dictionary of 4 GiB
    data[20:24] = zlib.crc32(data[12:20]).to_bytes(4, "little")

    with pytest.raises(InvalidRequest, match=r"(?i)memory usage limit|damaged"):
        take(bytes(data))


def test_work_files_of_a_tar_are_gone_when_it_is_read(take: Build, tmp_path: Path) -> None:
    take(tarred(PETS, "w:gz"))

    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"file-0", "images.npy"}


def test_links_have_no_part_in_where_the_classes_are(take: Build) -> None:
    links = [linked("pets/bird", tarfile.SYMTYPE, "elsewhere"), linked("link.png", tarfile.SYMTYPE, "pets/cat/0.png")]

    built = take(tarred([*PETS, *links]))

    assert built.content.class_names == ("cat", "dog")
    assert {bad.reason for bad in built.report.to_body().bad_files} == {"is a link; pack what it leads to (tar -h)"}
