"""Whether a bucket does what a store needs: objects made once, swapped by their ETag, read as they were written last.

A server that ignores conditions answers as if all were well, and two writers would overwrite one another.
"""

import contextlib
import secrets
from collections.abc import Callable

from core.errors import StoreUnavailable
from core.store.objects.bucket import BucketClient, NotAsExpected


def probe(bucket: BucketClient) -> None:
    """Try a bucket with an object of its own; StoreUnavailable names what it does not do."""
    path = f"probe/{secrets.token_hex(8)}"
    try:
        first = bucket.create(path, b"1")
        _must_refuse(bucket, "If-None-Match: *", lambda: bucket.create(path, b"2"))
        second = bucket.replace(path, b"3", first)
        _must_refuse(bucket, "If-Match", lambda: bucket.replace(path, b"4", first))
        _must_refuse(bucket, "If-Match without an object", lambda: bucket.replace(f"{path}-none", b"5", second))
        found = bucket.get(path)
        if found is None or (found.content, found.etag) != (b"3", second):
            raise StoreUnavailable(f"{bucket.name} does not give back what was written last")
        if bucket.get(path, unless=second) is not None:
            raise StoreUnavailable(f"{bucket.name} ignores If-None-Match of a GET")
        if path not in list(bucket.paths("probe")):
            raise StoreUnavailable(f"{bucket.name} does not list what was written")
    except NotAsExpected:
        raise StoreUnavailable(f"{bucket.name} refuses a write whose condition holds") from None
    finally:
        with contextlib.suppress(StoreUnavailable):
            bucket.delete([path, f"{path}-none"])


def _must_refuse(bucket: BucketClient, condition: str, write: Callable[[], str]) -> None:
    with contextlib.suppress(NotAsExpected):
        write()
        raise StoreUnavailable(
            f"{bucket.name} ignores {condition} of a PUT, so two writers would overwrite one another"
        )
