"""The end of a file that grows, and following it: nothing twice, nothing left out, whatever the bytes are."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.runs import tail
from core.runs.tail import LogChunk, after, last_lines


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.txt"


@pytest.mark.parametrize(
    ("content", "count", "text"),
    [
        ("", 3, ""),
        ("\n", 1, "\n"),
        ("a\nb\nc\n", 2, "b\nc\n"),
        ("a\nb\nc", 2, "b\nc"),
        ("a\nb\nc\n", 3, "a\nb\nc\n"),
        ("a\nb\nc\n", 9, "a\nb\nc\n"),
        ("a\n\n\n", 2, "\n\n"),
        ("one line", 1, "one line"),
    ],
)
def test_the_last_lines_are_given(path: Path, content: str, count: int, text: str) -> None:
    path.write_text(content)

    assert last_lines(path, count) == LogChunk(text, len(content))


def test_only_the_end_of_a_large_file_is_read(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a terabyte that is not there
        file.seek(0, 2)
        file.write(b"\nbefore\nlast\n")

    assert last_lines(path, 1).text == "last\n"
    assert last_lines(path, 2).text == "before\nlast\n"


def test_a_file_of_one_endless_line_is_given_in_bounded_parts(path: Path) -> None:
    path.write_bytes("ä".encode() * (tail.LARGEST_PART // 2 + 10))

    end, begin = last_lines(path, 5), after(path, 1)

    assert end.text == "ä" * (tail.LARGEST_PART // 2)
    assert len(begin.text.encode()) <= tail.LARGEST_PART + 2
    assert begin.next_offset <= tail.LARGEST_PART + 1


def test_a_bounded_end_begins_with_a_whole_character(path: Path) -> None:
    path.write_bytes(b"x" + "€".encode() * (tail.LARGEST_PART // 3 + 10))

    text = last_lines(path, 1).text

    assert set(text) == {"€"}


def test_an_offset_beyond_the_end_is_brought_back_to_it(path: Path) -> None:
    path.write_text("abc")

    assert after(path, 100) == LogChunk("", 3)


def test_no_file_is_told(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        last_lines(path, 1)
    with pytest.raises(FileNotFoundError):
        after(path, 0)


def test_a_character_that_is_half_written_waits_for_its_other_half(path: Path) -> None:
    for part in (b"a\xe2\x82", b"\xac\nb"):
        with path.open("ab") as file:
            file.write(part)
        if part.startswith(b"a"):
            first = last_lines(path, 10)

    assert (first, after(path, first.next_offset)) == (LogChunk("a", 1), LogChunk("€\nb", 6))


@pytest.mark.parametrize("end", [b"\xff", b"\x80", b"\xc0", b"a\x80\x80\x80\x80"])
def test_bytes_that_no_character_begins_with_are_not_waited_for(path: Path, end: bytes) -> None:
    path.write_bytes(end)

    part = last_lines(path, 1)

    assert part.next_offset == len(end)
    assert "\N{REPLACEMENT CHARACTER}" in part.text


@settings(deadline=None, max_examples=50)
@given(st.text(), st.lists(st.integers(0, 40), max_size=12), st.integers(1, 5))
def test_followed_from_any_write_to_any_other_the_parts_are_the_file(
    tmp_path_factory: pytest.TempPathFactory, text: str, sizes: list[int], count: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "log.txt"
    content = text.encode()
    path.write_bytes(content[: sum(sizes[:1])])
    part = last_lines(path, count)
    followed, begin = part.text, part.next_offset - len(part.text.encode())
    written = sum(sizes[:1])
    for size in [*sizes[1:], len(content)]:
        with path.open("ab") as file:
            file.write(content[written : written + size])
        written += size
        part = after(path, part.next_offset)
        followed += part.text

    assert followed == content[begin:].decode()
