"""Files that are whole or not there: through crashes, other processes, and what others wrote."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.errors import StoreDamaged
from core.store import files
from tests.core.conftest import Start

HOLD_LOCK = """
    import pathlib, sys, time
    from core.store import files
    with files.lock_file(pathlib.Path(sys.argv[1])):
        print("held", flush=True)
        time.sleep(60)
"""
REWRITE = """
    import pathlib, sys
    from core.store import files
    print("ready", flush=True)
    while True:
        for letter in "ab":
            files.write_json(pathlib.Path(sys.argv[1]), {"schema": 1, "text": letter * 200_000})
"""


def heard(child: "subprocess.Popen[str]", word: str) -> None:
    assert child.stdout is not None
    assert child.stdout.readline().strip() == word


def test_json_comes_back_as_it_was_written(tmp_path: Path) -> None:
    body = {"schema": 1, "name": "Ziffern und 数字", "numbers": [1, 2.5, None, True]}

    files.write_json(tmp_path / "a.json", body)

    assert files.read_json(tmp_path / "a.json", 1) == body
    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_does_not_know_is_refused_and_the_old_file_stays(tmp_path: Path, number: float) -> None:
    files.write_json(tmp_path / "a.json", {"schema": 1, "loss": 1.0})

    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "a.json", {"schema": 1, "loss": number})

    assert files.read_json(tmp_path / "a.json", 1) == {"schema": 1, "loss": 1.0}
    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b'{"schema": 1', b"null", b"[]", b'"text"', b"\xff\xfe\x00", b"\x89PNG\r\n", b"\0" * 100),
        *(b"{}", b'{"schema": 2}', b'{"schema": "1"}', b'{"schema": 1} trailing', b"[" * 100_000),
    ],
)
def test_json_that_is_damaged_or_foreign_is_named_by_file_and_folder(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "digits" / "3" / "manifest.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)

    with pytest.raises(StoreDamaged, match=r"digits/3/manifest\.json"):
        files.read_json(path, 1)


def test_a_folder_in_the_place_of_a_json_file_is_damage(tmp_path: Path) -> None:
    (tmp_path / "digits" / "3" / "manifest.json").mkdir(parents=True)

    with pytest.raises(StoreDamaged, match=r"digits/3/manifest\.json cannot be read: Is a directory"):
        files.read_json(tmp_path / "digits" / "3" / "manifest.json", 1)


def test_a_missing_json_file_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files.read_json(tmp_path / "a.json", 1)


def test_a_writer_that_is_killed_leaves_the_old_content_or_the_new(tmp_path: Path, start: Start) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"schema": 1, "text": "b" * 200_000})

    for _ in range(4):
        child = start(REWRITE, path)
        heard(child, "ready")
        time.sleep(random.uniform(0.001, 0.03))
        child.kill()
        child.wait()

        assert files.read_json(path, 1)["text"] in ("a" * 200_000, "b" * 200_000)


def test_a_lock_is_freed_by_kill_9(tmp_path: Path, start: Start) -> None:
    child = start(HOLD_LOCK, tmp_path / "lock")
    heard(child, "held")
    with files.try_lock_file(tmp_path / "lock") as is_free:
        assert not is_free

    child.send_signal(signal.SIGKILL)
    child.wait()

    with files.try_lock_file(tmp_path / "lock") as is_free:
        assert is_free


def test_a_lock_is_not_kept_by_a_program_that_was_started_meanwhile(tmp_path: Path) -> None:
    with files.lock_file(tmp_path / "lock"):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)

    deadline, is_free = time.monotonic() + 300, False
    while not is_free:  # the kernel lets the parent go on a moment before it closes what the child must not have
        assert time.monotonic() < deadline
        time.sleep(0.01)
        with files.try_lock_file(tmp_path / "lock") as is_free:
            pass
    assert child.poll() is None
    child.communicate(b"\n")


def test_locks_leave_no_descriptor_open(tmp_path: Path) -> None:
    before = len(os.listdir("/dev/fd"))

    for _ in range(50):
        with files.lock_file(tmp_path / "lock"), files.try_lock_file(tmp_path / "lock") as is_free:
            assert not is_free

    assert len(os.listdir("/dev/fd")) == before


def test_a_line_cut_off_by_a_crash_is_skipped_and_the_next_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    files.append_json_line(path, {"n": 1})
    with path.open("ab") as file:
        file.write(b'{"n": 2, "text": "cut o')

    files.append_json_line(path, {"n": 3, "text": "line\u2028separator"})

    first, _, third, end = path.read_text().split("\n")
    assert (json.loads(first), json.loads(third), end) == ({"n": 1}, {"n": 3, "text": "line\u2028separator"}, "")


def test_links_and_what_cannot_be_read_count_nothing(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(b"x" * 100)
    (tmp_path / "loop").symlink_to(tmp_path)

    size = files.folder_size(tmp_path)

    assert 100 <= size < 100 + 500  # the link itself is a few bytes
    assert files.folder_size(tmp_path / "nowhere") == 0


def test_a_file_that_cannot_be_written_is_named_as_it_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "picture.png"

    with pytest.raises(FileNotFoundError) as told:
        files.write_atomic(path, b"x")

    assert told.value.filename == str(path)
