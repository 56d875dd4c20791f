"""The directory of a zip, so far mended that one odd entry does not cost all the others. Knows no names' meaning.

zipfile refuses a whole archive for one name that says to be UTF-8 and is not, for an extra field cut short, and for a
version of the format that it does not know; and an entry whose own header spells its name otherwise. Here names are not
decoded: zipfile reads each as code page 437, which keeps every byte, so the flag that tells of UTF-8 is taken out and
kept beside.
"""

import io
import struct
from pathlib import Path
from zipfile import BadZipFile

LOCAL_MAGIC, CENTRAL_MAGIC = b"PK\x03\x04", b"PK\x01\x02"
LOCAL_SIZE, CENTRAL_SIZE = 30, 46  # bytes
UTF8 = 0x800  # flag of an entry
UNICODE_PATH = 0x7075  # extra field: the name in UTF-8, and the CRC of the name that it stands for
_UNREAD = 0x7076  # nobody's: the field above, of which newer versions of zipfile refuse a damaged one
_NEWEST = 63  # version of the format, in tenths, that zipfile opens


class Directory(io.FileIO):
    """A zip as zipfile shall see it. `says_utf8`: for each entry, in order, whether its name says to be UTF-8.

    zipfile reads the whole directory at once, as large as the file says it is: refused beyond `limit` bytes.
    """

    def __init__(self, path: Path, limit: int) -> None:
        super().__init__(path)
        self.limit = limit
        self.says_utf8: list[bool] = []
        self.name_at: dict[int, bytes] = {}  # what is read at these places, where zipfile compares names

    def read(self, size: int | None = -1) -> bytes | None:  # type: ignore[override]
        if size is not None and size > self.limit:
            raise BadZipFile("it lists too many files")
        at = self.tell()
        data = super().read(-1 if size is None else size)
        if at in self.name_at:
            return self.name_at[at]
        if data and data.startswith(CENTRAL_MAGIC):
            return self._mended(bytearray(data))
        if data and len(data) == LOCAL_SIZE and data.startswith(LOCAL_MAGIC):
            return data[:7] + bytes([data[7] & ~(UTF8 >> 8)]) + data[8:]
        return data

    def _mended(self, data: bytearray) -> bytes:
        self.says_utf8, at = [], 0
        while at + CENTRAL_SIZE <= len(data) and data.startswith(CENTRAL_MAGIC, at):
            data[at + 6] = min(data[at + 6], _NEWEST)
            self.says_utf8.append(bool(data[at + 9] & UTF8 >> 8))
            data[at + 9] &= ~(UTF8 >> 8) & 0xFF
            name, extra, comment = struct.unpack_from("<HHH", data, at + 28)
            begin = at + CENTRAL_SIZE + name
            _mend_extra(data, begin, min(begin + extra, len(data)))
            at = begin + extra + comment
        return bytes(data)


def _mend_extra(data: bytearray, at: int, end: int) -> None:
    while at + 4 <= end:
        kind, size = struct.unpack_from("<HH", data, at)
        if at + 4 + size > end:  # padding, as of Android's zipalign, or cut short
            struct.pack_into("<HH", data, at, _UNREAD - 1 if kind == UNICODE_PATH else kind, end - at - 4)
            return
        if kind == UNICODE_PATH:
            struct.pack_into("<H", data, at, _UNREAD)
        at += 4 + size


def unicode_path(extra: bytes, name_crc: int) -> bytes | None:
    """Return the UTF-8 name stored beside the name of that CRC; None if there is none."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == _UNREAD and size > 5 and struct.unpack_from("<BI", extra, at + 4) == (1, name_crc):
            return extra[at + 9 : at + 4 + size]
        at += 4 + size
    return None
