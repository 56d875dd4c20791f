"""What a file is by how it begins, whatever its name: pictures, sounds, what is to be made one first, and the rest.

Opens nothing, and knows no library.
"""

from dataclasses import dataclass

HEAD = 1024  # bytes that tell


@dataclass(frozen=True, slots=True)
class FileKind:
    """What a file is, and what to do with it; `is_picture`, `is_sound`: it can be read here."""

    name: str
    advice: str = ""
    is_picture: bool = False
    is_sound: bool = False

    def __str__(self) -> str:
        return f"is {self.name}" + (f": {self.advice}" if self.advice else "")


_CONVERT = "save it as JPEG or PNG"
_DEVELOP = "develop it, and save it as JPEG or PNG"
_PACK = "pack it anew as a zip"
_ARRAYS = "save its arrays with numpy.savez"
_APART = "sounds go into a zip of their own, named .wav, .flac or .ogg"
_TURN = "save it as WAV, FLAC or OGG"
_PICTURES = {
    b"\x89PNG\r\n\x1a\n": "a PNG",
    b"\xff\xd8": "a JPEG",
    b"GIF8": "a GIF",
    b"BM": "a BMP",
    b"II*\0": "a TIFF",
    b"MM\0*": "a TIFF",
    b"II+\0": "a TIFF",
    b"MM\0+": "a TIFF",
}
_SOUNDS = {b"fLaC": "a FLAC", b"OggS": "an Ogg sound"}
_FOREIGN = {
    b"\xff\x0a": ("a JPEG XL picture", _CONVERT),
    b"\0\0\0\x0cJXL ": ("a JPEG XL picture", _CONVERT),
    b"\0\0\0\x0cjP  ": ("a JPEG 2000 picture", _CONVERT),
    b"\xff\x4f\xff\x51": ("a JPEG 2000 picture", _CONVERT),
    b"8BPS": ("a Photoshop file", _CONVERT),
    b"gimp xcf": ("a GIMP file", _CONVERT),
    b"\0\0\x01\0": ("an icon", _CONVERT),
    b"DDS ": ("a DDS texture", _CONVERT),
    b"\x76\x2f\x31\x01": ("an OpenEXR picture", _CONVERT),
    b"#?RADIANCE": ("a Radiance picture", _CONVERT),
    b"FUJIFILMCCD-RAW": ("a raw photo", _DEVELOP),
    b"IIRO": ("a raw photo", _DEVELOP),
    b"IIRS": ("a raw photo", _DEVELOP),
    b"MMOR": ("a raw photo", _DEVELOP),
    b"IIU\0": ("a raw photo", _DEVELOP),
    b"II\x1a\0\0\0HEAPCCDR": ("a raw photo", _DEVELOP),
    b"FOVb": ("a raw photo", _DEVELOP),
    b"ID3": ("an MP3", _TURN),
    b".snd": ("an AU sound", _TURN),
    b"#!AMR": ("an AMR sound", _TURN),
    b"\xff\xf1": ("an AAC sound", _TURN),
    b"\xff\xf9": ("an AAC sound", _TURN),
    b"\x30\x26\xb2\x75": ("a Windows Media file", _TURN),
    b"\x1a\x45\xdf\xa3": ("a Matroska or WebM file", "save its sound as WAV, or its frames as PNG"),
    b"%PDF": ("a PDF", "save its pages as JPEG or PNG"),
    b"%!PS": ("PostScript", _CONVERT),
    b"PK\x03\x04": ("a zip", "those within an archive are not opened"),
    b"\x1f\x8b": ("gzipped", "unpack it first"),
    b"Rar!": ("a RAR archive", _PACK),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", _PACK),
    b"BZh": ("packed with bzip2", _PACK),
    b"\xfd7zXZ": ("packed with xz", _PACK),
    b"\x28\xb5\x2f\xfd": ("packed with zstd", _PACK),
    b"\x89HDF": ("an HDF5 file", _ARRAYS),
    b"MATLAB 5": ("a MATLAB file", _ARRAYS),
    b"PAR1": ("a Parquet file", "save its pictures as files, in a zip"),
    b"SQLite format 3": ("a database", "save its pictures as files, in a zip"),
    b"\x93NUMPY": ("an array of numpy", "send it by itself, or in an .npz"),
    **{b"\x80" + bytes([n]): ("a Python pickle, which can run code and is never opened", _ARRAYS) for n in range(2, 6)},
}


def kind_of(head: bytes) -> FileKind | None:
    """Return the kind of a file that begins with `head`, HEAD bytes of it; None: unknown."""
    if head.startswith(b"II*\0") and head[8:10] == b"CR":
        return FileKind("a raw photo", _DEVELOP)
    for magic, name in _PICTURES.items():
        if head.startswith(magic):
            return FileKind(name, is_picture=True)
    if head[:1] == b"P" and head[1:2] in b"123456yf" and head[2:3].isspace():
        return FileKind("a PPM", is_picture=True)
    for magic, name in _SOUNDS.items():
        if head.startswith(magic):
            return FileKind(name, _APART, is_sound=True)
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"FORM"):
        return _of_chunks(head)
    if _is_mp3(head):
        return FileKind("an MP3", _TURN)
    for magic, (name, advice) in _FOREIGN.items():
        if head.startswith(magic):
            return FileKind(name, advice)
    if head[4:8] == b"ftyp":
        return _boxed(head)
    if head[257:262] == b"ustar":
        return FileKind("a tar archive", _PACK)
    return _text(head)


def _of_chunks(head: bytes) -> FileKind:
    form = head[8:12]
    if form == b"WEBP":
        return FileKind("a WebP", is_picture=True)
    if form == b"WAVE":
        return FileKind("a WAV", _APART, is_sound=True)
    return FileKind("an AIFF sound", _TURN) if form in (b"AIFF", b"AIFC") else FileKind("sound or a film")


def _is_mp3(head: bytes) -> bool:
    """Recognise the header of a frame: sync, a version that exists, layer III, a bit rate that exists."""
    if len(head) < 3 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2 or head[1] & 0x18 == 0x08:
        return False
    return head[2] >> 4 not in (0, 15)


def _boxed(head: bytes) -> FileKind:
    """Recognise a file by its brands: the first, and those it claims to fit."""
    brands = head[8 : min(len(head), int.from_bytes(head[:4]))]
    if any(brand in brands for brand in (b"avif", b"avis")):
        return FileKind("an AVIF", is_picture=True)
    if brands.startswith(b"crx "):
        return FileKind("a raw photo", _DEVELOP)
    if any(brand in brands for brand in (b"hei", b"hev", b"mif1", b"msf1")):
        return FileKind("a HEIC photo", _CONVERT)
    if brands.startswith((b"M4A", b"M4B")):
        return FileKind("an M4A sound", _TURN)
    return FileKind("a film", "save its frames as JPEG or PNG")


def _text(head: bytes) -> FileKind | None:
    if not head:
        return FileKind("empty")
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    begins = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if begins.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return FileKind("a web page", "as a download leaves that failed; fetch the picture again")
    if b"<svg" in begins:
        return FileKind("an SVG drawing", _CONVERT)
    if begins.startswith(b"version https://git-lfs"):
        return FileKind("a pointer of Git LFS", "fetch the file itself with git lfs pull")
    if any(byte < 9 or 13 < byte < 27 for byte in head[:HEAD]):
        return None
    return FileKind("text")
