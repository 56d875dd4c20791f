"""Where an object store is: a bucket, a prefix, a server. Knows no client, and quotes nothing: a user may have put a
password there.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

S3, FILE = "s3", "file"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*")


@dataclass(frozen=True, slots=True)
class BucketUrl:
    """A bucket, and what all keys in it begin with; empty: nothing."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"{S3}://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")


def parse_store(given: str) -> Path | BucketUrl:
    """Read a folder, `file:///folder` or `s3://bucket/prefix`; ValueError says what is wrong."""
    scheme, is_url, _ = given.partition("://")
    if not is_url:
        return Path(given)
    if scheme == FILE:
        url = urlsplit(given)
        if url.netloc not in ("", "localhost") or not url.path.startswith("/") or url.query or url.fragment:
            raise ValueError("file:// takes an absolute path, as in file:///var/lib/ganymede")
        return Path(unquote(url.path))
    if scheme != S3:
        raise ValueError("a folder, file:///FOLDER or s3://BUCKET/PREFIX")
    if "@" in given:
        raise ValueError("no key and no password belongs here: they are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    bucket, _, prefix = given.removeprefix(f"{S3}://").partition("/")
    prefix = prefix.strip("/")
    if not _BUCKET.fullmatch(bucket):
        raise ValueError("the name of a bucket has 3 to 63 small letters, digits, dots and hyphens")
    if prefix and not (_PREFIX.fullmatch(prefix) and not {".", ".."} & set(prefix.split("/"))):
        raise ValueError("a prefix has letters, digits and _.=- between single slashes")
    return BucketUrl(bucket, prefix)


def check_endpoint(url: str) -> str:
    """Return the address of a server, without a slash at its end; ValueError for one that cannot be used."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises if it is none
    except ValueError:
        raise ValueError("an address, as in https://s3.example") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("an address, as in https://s3.example")
    if "@" in url:
        raise ValueError("no key and no password belongs here: they are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    return url.rstrip("/")
