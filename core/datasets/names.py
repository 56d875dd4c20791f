"""Names of files as archives have them: bytes of any encoding to parts that can be shown. Knows no archive.

A byte that no encoding tells of is kept as a surrogate, as Python keeps those of the file system (`surrogateescape`),
and shown as `\\x83`.
"""

import codecs
import contextlib
import hashlib
import re
import unicodedata

from core.datasets.image_set import MAX_CLASS_NAME
from core.datasets.members import FileRefused

_OBJECT = re.compile(r"<[^<>]* at 0x[0-9a-f]+>")
_UNDECODED = re.compile("[\udc80-\udcff]")
# In Shift-JIS, GBK and Big5 a backslash may be the second byte of a character; its first is no ASCII.
_BACKSLASH = re.compile(r"(?<![\udc80-\udcff])\\")
_DRIVE = re.compile(r"[A-Za-z]:[/\\]")
_ASCII = bytes(range(0x20, 0x7F))
_DIGEST_DIGITS = 8


def check_encoding(name: str) -> str:
    """Return Python's name of an encoding for file names; ValueError if there is none."""
    with contextlib.suppress(LookupError, UnicodeError, ValueError):
        if all(bytes([code]).decode(name) == chr(code) for code in _ASCII):  # else "/" would not be a separator
            return codecs.lookup(name).name
    raise ValueError(
        "expected an encoding that Python knows and that holds ASCII, as cp932, gbk, big5, cp1252 or cp437"
    )


def decode(raw: bytes, encoding: str | None = None, *, is_utf8: bool = False) -> str:
    """Decode a name that declares UTF-8 or not; `encoding` is the sender's for the others."""
    encodings = ("utf-8", encoding) if is_utf8 else (encoding, "utf-8")
    for each in encodings:
        if each is not None:
            with contextlib.suppress(UnicodeError):
                return raw.decode(each)
    return raw.decode("utf-8", "surrogateescape")


def is_undecoded(name: str) -> bool:
    return _UNDECODED.search(name) is not None


def slashed(name: str) -> str:
    """Replace the backslashes of Windows tools."""
    return _BACKSLASH.sub("/", name)


def parts_of(name: str) -> tuple[str, ...]:
    """Split a name at slashes and backslashes; FileRefused if it leads out of the archive, or is empty."""
    path = slashed(name)
    if path.startswith("/") or _DRIVE.match(name):
        raise FileRefused("its name leads out of the archive")
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                raise FileRefused("its name leads out of the archive")
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    if not parts:
        raise FileRefused("has no name")
    return tuple(parts)


def alike(text: str) -> str:
    """Compose a name (NFC), because macOS decomposes names that look the same."""
    return unicodedata.normalize("NFC", text)


def shown(name: str) -> str:
    """Escape control characters and bytes of an unknown encoding."""
    return "".join(c if c.isprintable() else _escaped(c) for c in alike(name))


def words_of(error: Exception, most: int = 100) -> str:
    """Return what a library says of a stranger's bytes, without addresses of its objects."""
    return (_OBJECT.sub("something else", str(error)) or type(error).__name__)[:most]


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def class_name(part: str) -> str:
    """Return a folder's class name as it is shown; a long one ends in a digest, to stay unique."""
    name = shown(part)
    if len(name) <= MAX_CLASS_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_DIGITS]
    return f"{name[: MAX_CLASS_NAME - _DIGEST_DIGITS - 1]}~{digest}"
