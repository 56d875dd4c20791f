"""The parser of server-sent events, against the rules and the examples of the WHATWG standard."""

import pytest

from ganymede.client.sse import Message, MessageParser


def parse(*chunks: bytes) -> list[Message]:
    parser = MessageParser()
    return [message for chunk in chunks for message in parser.feed(chunk)]


def texts(*chunks: bytes) -> list[str]:
    return [message.data for message in parse(*chunks)]


WHOLE = (
    b'\xef\xbb\xbf: hello\r\nid: 7\revent: sample\ndata: {"a":\ndata:  1}\r\n\r\n'
    b"event: x\rdata: \xe2\x80\xa8\xc3\xa9\r\r"
)
TOLD = [Message("sample", '{"a":\n 1}', "7"), Message("x", "\u2028\u00e9", "7")]


def test_every_kind_of_line_end_ends_a_line_and_no_other_character_does() -> None:
    assert parse(WHOLE) == TOLD


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
def test_it_does_not_matter_how_the_bytes_are_cut(size: int) -> None:
    chunks = [WHOLE[i : i + size] for i in range(0, len(WHOLE), size)]

    assert parse(*chunks) == TOLD


def test_a_message_is_given_as_soon_as_its_blank_line_is_there() -> None:
    parser = MessageParser()

    at_once = [list(parser.feed(chunk)) for chunk in (b"data: 1\r\r", b"\ndata: 2\n", b"\n")]

    assert [[message.data for message in given] for given in at_once] == [["1"], [], ["2"]]


def test_what_no_blank_line_ends_is_not_given() -> None:
    assert texts(b"data: whole\n\ndata: half\n") == ["whole"]


def test_one_space_after_the_colon_is_dropped_and_a_field_needs_no_colon() -> None:
    assert texts(b"data:test\n\n", b"data:  test\n\n", b"data\n\n", b"data\ndata\n\n") == ["test", " test", "", "\n"]


def test_without_data_there_is_no_message_but_the_id_counts() -> None:
    assert parse(b"event: ping\nid: 4\n\ndata: x\n\n") == [Message("message", "x", "4")]


def test_an_id_without_value_takes_it_back_and_one_with_a_null_is_ignored() -> None:
    assert [m.last_id for m in parse(b"id: 1\ndata\n\nid: 2\0\ndata\n\nid\ndata\n\n")] == ["1", "1", ""]


def test_comments_and_unknown_fields_are_passed_over() -> None:
    assert texts(b": keep-alive\n\n:\n\nnonsense: 1\ndata: x\n data: y\n\n") == ["x"]


def test_only_a_mark_at_the_very_beginning_is_dropped() -> None:
    assert texts(b"\xef\xbb\xbfdata: 1\n\n\xef\xbb\xbfdata: 2\n\ndata: 3\n\n") == ["1", "3"]


@pytest.mark.parametrize(("line", "told"), [(b"retry: 2500\n", 2.5), (b"retry: 1.5\n", None), (b"retry: -1\n", None)])
def test_the_pause_the_server_asks_for_is_kept_if_it_is_a_number(line: bytes, told: float | None) -> None:
    parser = MessageParser()

    list(parser.feed(line))

    assert parser.retry_s == told


def test_bytes_that_are_no_text_do_not_stop_it() -> None:
    assert texts(b"data: \xff\n\n") == ["\N{REPLACEMENT CHARACTER}"]
