"""JSON, and weights beside it, that were made to do harm: nested, huge, doubled, no numbers, no text."""

import json
import struct
from collections.abc import Iterator
from typing import Any

DEEP = 10_000


def documents() -> Iterator[tuple[str, bytes]]:
    """JSON and what is none, each with a name that says what it is."""
    yield "nested arrays", b"[" * DEEP + b"]" * DEEP
    yield "nested objects", b'{"a":' * DEEP + b"1" + b"}" * DEEP
    yield "nested and cut short", b'{"config":' * DEEP
    for value in (b"NaN", b"-Infinity", b"1e999", b"-1e999", b"9" * 5000, b"-" + b"9" * 5000, b"0." + b"9" * 50_000):
        yield f"the number {value[:12].decode()} of {len(value)}", value
        yield (
            f"an object of {value[:12].decode()} of {len(value)}",
            b'{"schema": ' + value + b', "seed": ' + value + b"}",
        )
    for text in (
        b'"\\ud800"',
        b'"\\udfff\\ud800"',
        b'"\\u0000"',
        b'"\xff\xfe"',
        b'"\xed\xa0\x80"',
        b'"' + b"a" * 10**6 + b'"',
    ):
        yield f"the text {text[:14]!r} of {len(text)}", text
        yield f"a name {text[:14]!r} of {len(text)}", b'{"schema": 1, ' + text + b': 1, "name": ' + text + b"}"
    for encoding in ("utf-16", "utf-32", "utf-8-sig"):
        yield f"in {encoding}", '{"schema": 1}'.encode(encoding)
    yield "names that are there twice", b'{"schema": 1, "schema": 2, "seed": 1, "seed": {"a": 1}}'
    yield "100,000 names", json.dumps({f"n{i}": i for i in range(100_000)}).encode()
    for plain in (b"", b" ", b"null", b"true", b"0", b'""', b"[]", b"{}", b"[{}]", b"{]", b"\0", b"\xff", b"{'a': 1}"):
        yield f"only {plain!r}", plain
    yield "a comment", b'{"schema": 1} // and so on'
    yield "two documents", b'{"schema": 1}{"schema": 1}'
    yield "another schema", b'{"schema": 99}'
    yield "a schema that is no number", b'{"schema": [1]}'


VALUES: tuple[Any, ...] = (None, -1, 10**30, "../../x", "\ud800", "x" * 5000, [[]], {"a": None})


def changed(body: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """A document of ours with each of its values replaced by others, one after the other."""
    for name in body:
        for value in VALUES:
            yield f"{name} is {str(value)[:20]!r}", json.dumps({**body, name: value}).encode()


def _safetensors(header: bytes, data: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def _tensor(begin: int, end: int, shape: object = (4,), dtype: object = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def weights(whole: bytes) -> Iterator[tuple[str, bytes]]:
    """Files that are like safetensors; `whole` is one that can be used."""
    for length in (0, 1, 2**31, 2**63, 2**64 - 1, 100 << 20):
        yield f"a header of {length} bytes", _safetensors(b"{}", length=length)
    for name, document in [*documents()][::3]:
        yield f"a header with {name}", _safetensors(document)
    for begin, end in ((0, 8), (8, 0), (-16, 0), (0, 2**63), (2**64 - 16, 2**64), (16, 32), (0, 15)):
        yield (
            f"a tensor from {begin} to {end}",
            _safetensors(json.dumps({"a": _tensor(begin, end)}).encode(), bytes(16)),
        )
    pairs: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "overlap": (_tensor(0, 16), _tensor(8, 24)),
        "are the same": (_tensor(0, 16), _tensor(0, 16)),
        "leave a gap": (_tensor(0, 16), _tensor(20, 36)),
    }
    for name, (one, other) in pairs.items():
        yield f"tensors that {name}", _safetensors(json.dumps({"a": one, "b": other}).encode(), bytes(36))
    for shape in ((2**32, 2**32), (2**63,), (-4,), (0,), (), "4", (1,) * 1000, None):
        yield f"a shape {str(shape)[:30]}", _safetensors(json.dumps({"a": _tensor(0, 16, shape)}).encode(), bytes(16))
    for dtype in ("F8_E8M0", "C64", "O", "", None, 7):
        yield f"a type {dtype!r}", _safetensors(json.dumps({"a": _tensor(0, 16, dtype=dtype)}).encode(), bytes(16))
    yield from _like(whole)


def _like(whole: bytes) -> Iterator[tuple[str, bytes]]:
    length = int.from_bytes(whole[:8], "little")
    header, data = json.loads(whole[8 : 8 + length]), whole[8 + length :]
    for part in (1, 2, 3):
        yield f"cut to {part}/4", whole[: len(whole) * part // 4]
    yield "with more behind it", whole + bytes(64)
    names = [name for name in header if name != "__metadata__"]
    renamed = {("b" if name == names[0] else name): value for name, value in header.items()}
    yield "with another name", _safetensors(json.dumps(renamed).encode(), data)
    yield "without metadata", _safetensors(json.dumps({name: header[name] for name in names}).encode(), data)
    for bits in (
        b"\xff\xff\xff\x7f",
        b"\0\0\x80\x7f",
        b"\0\0\0\0",
        b"\xff\xff\x7f\x7f",
    ):  # NaN, infinity, 0, the largest
        yield f"all of {bits.hex()}", whole[: 8 + length] + bits * (len(data) // 4)
    described = json.loads(header["__metadata__"]["ganymede"])
    for name in described["config"]:
        others: tuple[Any, ...] = (None, -1, 0, 10**9, 2**70, 1.5, "x", [1], {})
        for value in others:
            config = {**described["config"], name: value}
            told = {"ganymede": json.dumps({**described, "config": config})}
            yield f"{name} of {value!r}", _safetensors(json.dumps({**header, "__metadata__": told}).encode(), data)
    for metadata in (
        "x",
        "[1]",
        "[" * DEEP,
        json.dumps({"architecture": "os", "config": {}}),
        json.dumps({"config": 1}),
    ):
        told = {"ganymede": metadata}
        yield f"metadata {metadata[:30]}", _safetensors(json.dumps({**header, "__metadata__": told}).encode(), data)
