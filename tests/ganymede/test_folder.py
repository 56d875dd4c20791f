"""`ganymede datasets import FOLDER`: links are followed, and what cannot be sent is named, whatever a folder holds."""

import builtins
import os
import socket
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganymede import Client
from ganymede.commands import folder as packing
from ganymede.commands.folder import pack
from ganymede.commands.session import Refused
from tests.ganymede.conftest import Ganymede
from tests.uploads import picture


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    made = tmp_path / "pets"
    for name in ("cat", "dog"):
        (made / name).mkdir(parents=True)
        (made / name / "1.png").write_bytes(picture((16, 16)))
    return made


def packed(folder: Path, tmp_path: Path) -> tuple[set[str], dict[str, str]]:
    """The names that are sent, and why others are not."""
    target = tmp_path / "packed.tar"
    left_out = pack(folder, target)
    with tarfile.open(target) as archive:
        names = archive.getnames()
    assert len(set(names)) == len(names)
    return set(names), {found.name: str(found.reason) for found in left_out}


def test_linked_folders_and_files_are_followed(pets: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "deep").mkdir(parents=True)
    (elsewhere / "deep" / "2.png").write_bytes(b"bird")
    (pets / "bird").symlink_to(elsewhere)
    (pets / "cat" / "linked.png").symlink_to(elsewhere / "deep" / "2.png")
    (tmp_path / "entry").symlink_to(pets)

    names, left_out = packed(tmp_path / "entry", tmp_path)

    assert names == {"cat/1.png", "dog/1.png", "bird/deep/2.png", "cat/linked.png"}
    assert left_out == {}


def test_links_in_a_circle_end_and_are_named(pets: Path, tmp_path: Path) -> None:
    (pets / "cat" / "up").symlink_to("..")
    (pets / "self").symlink_to("self")
    (pets / "one").symlink_to("two")
    (pets / "two").symlink_to("one")
    (pets / "here").symlink_to(".")

    names, left_out = packed(pets, tmp_path)

    assert names == {"cat/1.png", "dog/1.png"}
    assert left_out == {
        "here": "is a link to a folder that it lies in",
        "cat/up": "is a link to a folder that it lies in",
        **dict.fromkeys(("self", "one", "two"), "is a broken link"),
    }


def test_links_upon_links_end_where_an_archive_does(
    pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "MAX_FILES", 100)
    for i in range(10):
        (tmp_path / f"level-{i}").mkdir()
        (tmp_path / f"level-{i}" / "a.png").write_bytes(b"")
        for name in ("left", "right"):
            (tmp_path / f"level-{i}" / name).symlink_to(tmp_path / f"level-{i + 1}")

    with pytest.raises(Refused, match="more than 100 files; perhaps links lead from one to another"):
        pack(tmp_path / "level-0", tmp_path / "packed.tar")


def test_what_is_no_file_is_named(pets: Path, tmp_path: Path) -> None:
    os.mkfifo(pets / "pipe.png")
    (pets / "gone.png").symlink_to("nowhere")
    (pets / "within-a-file").symlink_to("cat/1.png/x")
    (pets / "null.png").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(pets)  # a socket's name is short
        try:
            listening.bind("s.png")
        finally:
            os.chdir(here)
        names, left_out = packed(pets, tmp_path)

    assert names == {"cat/1.png", "dog/1.png"}
    assert left_out == {
        "pipe.png": "is a named pipe",
        "s.png": "is a socket",
        "null.png": "is a device",
        "gone.png": "is a broken link",
        "within-a-file": "is a broken link",
    }


def refusing(real: Callable[..., Any], name: str) -> Callable[..., Any]:
    """As the system refuses it; root, as whom tests may run, is refused nothing."""

    def ask(path: Any, *words: Any, **more: Any) -> Any:
        if str(path).endswith(name):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *words, **more)

    return ask


def test_what_may_not_be_read_is_named(pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (pets / "secret.png").write_bytes(b"")
    monkeypatch.setattr(os, "scandir", refusing(os.scandir, "dog"))
    monkeypatch.setattr(builtins, "open", refusing(builtins.open, "secret.png"))

    names, left_out = packed(pets, tmp_path)

    assert names == {"cat/1.png"}
    assert left_out == dict.fromkeys(("dog", "secret.png"), "cannot be read: Permission denied")


def test_a_folder_without_a_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.png").symlink_to("nowhere")

    with pytest.raises(Refused, match=r"no file in .*empty that can be sent$"):
        pack(tmp_path / "empty", tmp_path / "packed.tar")
    with pytest.raises(Refused, match=r"that can be sent: a.png is a broken link$"):
        pack(tmp_path / "broken", tmp_path / "packed.tar")


def test_names_in_any_encoding_are_sent_and_decoded_where_it_is_told(
    api: str, ganymede: Ganymede, tmp_path: Path
) -> None:
    root = os.fsencode(tmp_path) + "/写真".encode("cp932")
    for i, name in enumerate(("表", "猫")):
        os.makedirs(root + b"/" + name.encode("cp932"))
        Path(os.fsdecode(root + b"/" + name.encode("cp932") + b"/1.png")).write_bytes(picture((16, 16), seed=i))
    (Path(os.fsdecode(root)) / "gone.png").symlink_to("nowhere")

    told = ganymede("datasets", "import", "sha", os.fsdecode(root), "--encoding", "cp932", url=api)
    untold = ganymede("datasets", "import", "shb", os.fsdecode(root), url=api)
    wrong = ganymede("datasets", "import", "shc", os.fsdecode(root), "--encoding", "klingon", url=api)

    with Client(api) as client:
        decoded, escaped = (client.datasets.get(name) for name in ("sha", "shb"))
        for name in ("sha", "shb"):
            client.datasets.delete(name)
    assert (told.exit_code, untold.exit_code, wrong.exit_code) == (0, 0, 1), told.stderr + untold.stderr
    assert set(decoded.class_names) == {"表", "猫"}
    assert set(escaped.class_names) == {"\\x95\\", "\\x94L"} or all("\\x" in name for name in escaped.class_names)
    assert "gone.png: is a broken link" in told.stderr
    assert "names that are not in UTF-8 are shown escaped" in untold.stderr
    assert "/encoding" in wrong.stderr
    assert "expected an encoding that Python knows" in wrong.stderr
