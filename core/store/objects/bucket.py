"""Requests to one bucket, through obstore: objects read and written whole, under conditions. Knows no folder.

obstore is called on threads: its asynchronous calls abort the interpreter at its end (0.12). What it says of an error
names the address and never a key; it goes into the log, and to nobody else.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import obstore
from obstore import exceptions, store

from core.errors import StoreUnavailable
from core.network.bucket_url import BucketUrl

CONNECT_WITHIN_S, ANSWER_WITHIN_S = 2, 30
RETRIES, RETRY_WITHIN_S = 3, 10
DELETE_AT_ONCE = 1000

T = TypeVar("T")
log = logging.getLogger(__name__)


class NotAsExpected(Exception):
    """An object is, or is not, there, or is another than the condition of a request said; nothing was written."""


@dataclass(frozen=True, slots=True)
class FoundObject:
    """The bytes of an object, and its ETag."""

    content: bytes
    etag: str


class BucketClient:
    """Safe for many threads. requests: how many were sent, by kind; one that obstore repeats counts once."""

    def __init__(self, client: store.ObjectStore, name: str) -> None:
        self.name, self.requests = name, Counter[str]()
        self._client = client
        self._is_away = False

    @classmethod
    def open(cls, url: BucketUrl, endpoint: str | None) -> "BucketClient":
        """Open a bucket; keys and region are those that AWS_* or the machine's role say. Sends nothing."""
        client = store.S3Store(
            url.bucket,
            prefix=url.prefix or None,
            config={"endpoint": endpoint} if endpoint else {},
            client_options={
                "allow_http": (endpoint or "").startswith("http://"),
                "connect_timeout": timedelta(seconds=CONNECT_WITHIN_S),
                "timeout": timedelta(seconds=ANSWER_WITHIN_S),
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_WITHIN_S)},
        )
        return cls(client, str(url))

    def get(self, path: str, *, unless: str | None = None) -> FoundObject | None:
        """Read an object; None if its ETag is still `unless`; FileNotFoundError without one."""
        kind = "get" if unless is None else "poll"
        try:
            return self._ask(kind, lambda: self._get(path, unless))
        except exceptions.NotModifiedError:
            return None

    def exists(self, path: str) -> bool:
        try:
            self._ask("head", lambda: obstore.head(self._client, path))
        except FileNotFoundError:
            return False
        return True

    def create(self, path: str, content: bytes) -> str:
        """Write an object that is not there yet, and return its ETag; else NotAsExpected."""
        try:
            return self._put(path, content, "create")
        except FileNotFoundError:
            raise StoreUnavailable(f"{self.name} is no bucket of this server") from None

    def replace(self, path: str, content: bytes, etag: str) -> str:
        """Write an object in the place of one, and return its ETag; NotAsExpected if its ETag is not `etag`."""
        try:
            return self._put(path, content, {"e_tag": etag})
        except FileNotFoundError:  # as real S3 says to If-Match where there is nothing
            raise NotAsExpected(path) from None

    def upload(self, path: str, file: Path) -> None:
        self._ask("put", lambda: obstore.put(self._client, path, file))

    def download(self, path: str, target: Path) -> None:
        """Write an object to `target`; FileNotFoundError without one."""

        def receive() -> None:
            with target.open("wb") as file:
                for chunk in obstore.get(self._client, path):
                    file.write(chunk)

        self._ask("get", receive)

    def paths(self, prefix: str) -> Iterator[str]:
        """Yield all that is under `prefix`, whatever its depth."""
        for page in self._ask("list", lambda: list(obstore.list(self._client, prefix))):
            yield from (each["path"] for each in page)

    def names(self, prefix: str) -> list[str]:
        """Return the names of the objects right under `prefix`."""
        found = self._ask("list", lambda: obstore.list_with_delimiter(self._client, prefix))
        return [each["path"].rpartition("/")[2] for each in found["objects"]]

    def delete(self, paths: Iterable[str]) -> None:
        """Remove objects; no error if one is not there."""
        for path in paths:
            try:
                self._ask("delete", lambda path=path: obstore.delete(self._client, path))  # type: ignore[misc]
            except FileNotFoundError:  # as a store in memory says
                continue

    def _get(self, path: str, unless: str | None) -> FoundObject:
        answer = obstore.get(self._client, path, options={"if_none_match": unless} if unless else None)
        etag = answer.meta["e_tag"]
        if etag is None:
            raise StoreUnavailable(f"{self.name} gives no ETag, and cannot be used")
        return FoundObject(bytes(answer.bytes()), etag)

    def _put(self, path: str, content: bytes, mode: "obstore.PutMode") -> str:
        try:
            put = self._ask("put", lambda: obstore.put(self._client, path, content, mode=mode, use_multipart=False))
        except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
            raise NotAsExpected(path) from None
        if put["e_tag"] is None:
            raise StoreUnavailable(f"{self.name} gives no ETag, and cannot be used")
        return put["e_tag"]

    def _ask(self, kind: str, send: Callable[[], T]) -> T:
        """Count and send a request; what is neither an answer nor a known condition is StoreUnavailable."""
        self.requests[kind] += 1
        try:
            answer = send()
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
            self._tell(error)
            raise StoreUnavailable(f"{self.name} refuses this service: its keys, or what they may") from None
        except (exceptions.GenericError, exceptions.NotSupportedError, exceptions.JoinError) as error:
            self._tell(error)
            raise StoreUnavailable(f"{self.name} does not answer; send this again later") from None
        if self._is_away:
            self._is_away = False
            log.info("%s answers again", self.name)
        return answer

    def _tell(self, error: Exception) -> None:
        """Log the first of a row of failures."""
        if not self._is_away:
            self._is_away = True
            log.warning("%s: %s", self.name, str(error).partition("\n")[0])
