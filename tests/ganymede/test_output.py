"""What an answer is written to: real files, links, devices and pipes; nothing that is there is made something else."""

import errno
import os
import pty
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ganymede.output import write, writing

NEW, OLD = b"new", b"old and longer"

is_root = os.geteuid() == 0


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.png"
    path.write_bytes(OLD)
    return path


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_a_missing_file_is_made_with_the_mode_that_any_new_file_has(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "new.png", NEW)
    finally:
        os.umask(before)

    assert (tmp_path / "new.png").read_bytes() == NEW
    assert stat.S_IMODE((tmp_path / "new.png").stat().st_mode) == 0o640
    assert names(tmp_path) == {"new.png"}


@pytest.mark.parametrize("mode", [0o640, 0o600, 0o666, 0o755])
def test_a_file_is_replaced_in_one_step_and_keeps_its_mode(old: Path, mode: int) -> None:
    old.chmod(mode)

    with old.open("rb") as reader:
        write(old, NEW)
        assert reader.read() == OLD  # who reads the old one goes on doing so

    assert old.read_bytes() == NEW
    assert stat.S_IMODE(old.stat().st_mode) == mode
    assert names(old.parent) == {"old.png"}


@pytest.mark.skipif(not is_root, reason="gives a file to somebody else")
def test_a_file_keeps_its_owner(old: Path) -> None:
    os.chown(old, 12345, 54321)

    write(old, NEW)

    assert (old.stat().st_uid, old.stat().st_gid, old.read_bytes()) == (12345, 54321, NEW)


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="no attributes here")
def test_a_file_keeps_its_attributes(old: Path) -> None:
    try:
        os.setxattr(old, "user.note", b"mine")
    except OSError:
        pytest.skip("a file system without attributes")

    write(old, NEW)

    assert os.getxattr(old, "user.note") == b"mine"


def test_a_link_stays_one_and_the_file_that_it_leads_to_is_written(old: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    link, further = tmp_path / "folder" / "link.png", tmp_path / "further.png"
    link.symlink_to("../old.png")
    further.symlink_to("folder/link.png")

    write(further, NEW)

    assert (link.is_symlink(), further.is_symlink(), old.is_symlink()) == (True, True, False)
    assert old.read_bytes() == NEW
    assert names(tmp_path / "folder") == {"link.png"}


def test_a_link_to_nothing_makes_what_it_leads_to(tmp_path: Path) -> None:
    link = tmp_path / "link.png"
    link.symlink_to("new.png")

    write(link, NEW)

    assert link.is_symlink()
    assert (tmp_path / "new.png").read_bytes() == NEW


def test_a_file_with_two_names_keeps_both(old: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    other.hardlink_to(old)

    write(old, NEW)

    assert other.read_bytes() == old.read_bytes() == NEW
    assert old.samefile(other)


def test_a_fifo_is_written_into(tmp_path: Path) -> None:
    path, got = tmp_path / "fifo", list[bytes]()
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()), daemon=True)
    reader.start()

    write(path, NEW)
    reader.join(30)

    assert path.is_fifo()
    assert got == [NEW]


def test_a_device_is_written_into(tmp_path: Path) -> None:
    link = tmp_path / "null"
    link.symlink_to("/dev/null")

    write("/dev/null", NEW)
    write(link, NEW)

    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert link.is_symlink()


def test_a_device_without_room_is_an_error_that_names_it() -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        write("/dev/full", NEW)

    assert caught.value.filename == "/dev/full"


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
def test_what_is_written_to_an_open_descriptor_follows_what_was_written_before(tmp_path: Path, name: str) -> None:
    (tmp_path / "link").symlink_to("/dev/stdout")
    code = f"import sys; from ganymede.output import write; write({name!r}, b'new'); print('after')"
    target = tmp_path / "out"

    with target.open("wb") as out:
        out.write(b"before ")
        out.flush()
        subprocess.run([sys.executable, "-c", code], stdout=out, cwd=tmp_path, check=True)

    assert target.read_bytes() == b"before newafter\n"


def test_a_descriptor_that_this_process_opened_itself_is_refused(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(OSError, match="Bad file descriptor"):
        write(f"/dev/fd/{ours.fileno()}", NEW)


def test_a_terminal_is_refused() -> None:
    main, side = pty.openpty()
    try:
        with pytest.raises(OSError, match="no text for a terminal"):
            write(os.ttyname(side), NEW)
    finally:
        os.close(main)
        os.close(side)


def in_a_circle(folder: Path) -> str:
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")
    return str(folder / "a")


def to_nowhere(folder: Path) -> str:
    (folder / "link").symlink_to("no/where.png")
    return str(folder / "link")


def a_socket(folder: Path) -> str:
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.getcwd()
        os.chdir(folder)  # the whole path may be too long for a socket
        listening.bind("socket")
        os.chdir(here)
    return str(folder / "socket")


def under_a_file(folder: Path) -> str:
    (folder / "file").touch()
    return str(folder / "file" / "x.png")


@pytest.mark.parametrize(
    ("name_of", "number"),
    [
        (str, errno.EISDIR),
        (lambda folder: f"{folder}/new/", errno.ENOENT),
        (lambda folder: f"{folder}/no/x.png", errno.ENOENT),
        (lambda folder: f"{folder}/{'x' * 300}", errno.ENAMETOOLONG),
        (lambda folder: "", errno.ENOENT),
        (lambda folder: "/dev/fd/999", errno.ENOENT),
        (in_a_circle, errno.ELOOP),
        (to_nowhere, errno.ENOENT),
        (a_socket, errno.ENXIO),
        (under_a_file, errno.ENOTDIR),
    ],
)
def test_what_cannot_be_written_is_an_error_that_names_it(
    tmp_path: Path, name_of: Callable[[Path], str], number: int
) -> None:
    name = name_of(tmp_path)
    before = names(tmp_path)

    with pytest.raises(OSError) as caught:  # noqa: PT011 - its number says which
        write(name, NEW)

    assert (caught.value.errno, caught.value.filename) == (number, name)
    assert names(tmp_path) == before


def test_the_longest_name_there_is_can_be_written(tmp_path: Path) -> None:
    write(tmp_path / ("x" * 255), NEW)

    assert names(tmp_path) == {"x" * 255}


@pytest.mark.skipif(is_root, reason="root may write anything")
def test_a_file_that_may_not_be_written_is_left_alone(old: Path) -> None:
    old.chmod(0o444)

    with pytest.raises(PermissionError):
        write(old, NEW)

    assert old.read_bytes() == OLD


@pytest.mark.skipif(is_root, reason="root may write anything")
def test_a_file_in_a_folder_that_may_not_be_written_is_written_into(old: Path) -> None:
    old.parent.chmod(0o555)
    try:
        write(old, NEW)
    finally:
        old.parent.chmod(0o755)

    assert old.read_bytes() == NEW


@pytest.mark.parametrize("links", [1, 2])
def test_what_finds_no_room_leaves_the_file_as_it_was(old: Path, tmp_path: Path, links: int) -> None:
    if links == 2:
        (tmp_path / "other.png").hardlink_to(old)
    before = names(tmp_path)
    code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); write({str(old)!r}, bytes(5000))"

    done = subprocess.run(
        [sys.executable, "-c", f"from ganymede.output import write; {code}"], stderr=subprocess.PIPE, check=False
    )

    assert b"File too large" in done.stderr
    assert (old.read_bytes(), names(tmp_path)) == (OLD, before)


@pytest.mark.parametrize("links", [1, 2])
def test_what_fails_on_the_way_leaves_the_file_as_it_was(old: Path, tmp_path: Path, links: int) -> None:
    if links == 2:
        (tmp_path / "other.png").hardlink_to(old)
    before = names(tmp_path)

    def write_some() -> None:
        with writing(old) as file:
            file.write(NEW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_some()

    assert old.read_bytes() == OLD
    assert names(tmp_path) == before
