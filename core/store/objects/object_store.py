"""Folders and pointers in a bucket (core/store/repository.py says what they promise). Knows no model.

<key>/folder.json              that there is a folder, and what is in it: written last, once, and never again
data/<key>/<upload>/<file>     a file of it; which upload, its folder.json says
<key>                          a pointer, swapped by its ETag; it carries a revision, as equal bytes have equal ETags
index/<collection>.json        the revision of each pointer of a collection, so that one request asks after all
"""

import contextlib
import hashlib
import random
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from pydantic import Field

from core.errors import StoreDamaged, StoreUnavailable
from core.store import files
from core.store.objects.bucket import BucketClient, FoundObject, NotAsExpected
from core.store.objects.folder_cache import FolderCache
from core.store.record import FileDigest, Listed, Record
from core.store.repository import P, R, Stamp, parse_pointer, pointer_bytes
from core.store.store import list_files

FOLDER = ".folder.json"  # no name in a folder: some servers list one that is empty
LOOK_EVERY_S = 1.0  # an index is asked for no oftener, however many want a stamp
INLINE_BYTES = 65_536  # a JSON file that is no longer lies in folder.json itself
SWAP_WITHIN_S = 30.0
LONGEST_PAUSE_S = 0.2  # between two tries of a swap
REMEMBERED = 1024  # descriptions of folders


class StoredFolder(Record):
    """A folder.json. files: what lies under data/. texts: JSON files, as they are."""

    upload: str
    files: Listed
    texts: dict[str, str] = Field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Of what is in it, whatever it is called."""
        described = self.model_copy(update={"upload": ""})
        return hashlib.sha256(files.json_bytes(described.to_json())).hexdigest()


class PointerIndex(Record):
    """The revision of each pointer of a collection, by its name."""

    revisions: dict[str, int] = Field(default_factory=dict)


class ObjectStore:
    """A Repository in a bucket. Safe for any number of threads, processes and machines.

    While the bucket is away, what is known goes on: stamps stay as they were, and folders of the cache are read.
    """

    def __init__(
        self, bucket: BucketClient, cache: FolderCache, scratch: Callable[[], AbstractContextManager[Path]]
    ) -> None:
        self.bucket, self.cache, self._scratch = bucket, cache, scratch
        self._folders: dict[str, StoredFolder] = {}  # they never change while they are there
        self._indexes: dict[str, tuple[PointerIndex, str | None]] = {}  # and their ETags
        self._looked_at: dict[str, float] = {}
        self._looking = threading.Lock()

    def put(self, key: str, fill: Callable[[Path], None]) -> bool:
        """Upload the files of a folder, then its folder.json; StoreUnavailable may leave files that nobody names."""
        if self.bucket.exists(f"{key}{FOLDER}"):
            return False
        with self._scratch() as folder:
            fill(folder)
            stored = self._upload(key, folder)
            if not self._appear(key, stored):
                self._drop_upload(key, stored.upload)
                return False
            self._remember(key, stored)
            with contextlib.suppress(OSError, StoreDamaged):  # it is read again where it is wanted
                self.cache.add(stored.digest, _listed(stored), lambda aside: _move(folder, aside))
        return True

    def folder(self, key: str, *, is_fresh: bool = False) -> Path:
        """Return a folder of the cache, downloaded if need be; FileNotFoundError without one, StoreDamaged if its files
        are not those that were put."""
        if is_fresh:
            self._forget(key)
        stored = self._stored(key)
        listed = _listed(stored)
        return self.cache.get(stored.digest, listed) or self.cache.add(
            stored.digest, listed, lambda aside: self._download(key, stored, aside)
        )

    def read_record(self, key: str, kind: type[R]) -> R:
        folder, _, name = key.rpartition("/")
        stored = self._stored(folder)
        text = stored.texts.get(name)
        if text is not None:
            return kind.parse(text.encode(), key)
        if name not in stored.files:
            raise FileNotFoundError(f"there is no {key}")
        return kind.read(self.folder(folder) / name)

    def has(self, key: str) -> bool:
        """Ask the bucket; while it is away, what is known counts."""
        try:
            return self.bucket.exists(f"{key}{FOLDER}")
        except StoreUnavailable:
            if key not in self._folders:
                raise
            return True

    def names(self, key: str) -> list[str]:
        """Return the names of the pointers of a collection, else of the folders under `key`."""
        if "/" not in key:
            return sorted(self._index(key).revisions)
        return sorted(name.removesuffix(FOLDER) for name in self.bucket.names(key) if name.endswith(FOLDER))

    def pointer(self, key: str, kind: type[P]) -> P:
        return self._pointer(key, kind)[0]

    def change(self, key: str, kind: type[P], edit: Callable[[P], bool]) -> P:
        """Swap a pointer; StoreUnavailable if others swap it again and again for half a minute."""
        deadline = time.monotonic() + SWAP_WITHIN_S
        while time.monotonic() < deadline:
            pointer, found = self._pointer(key, kind)
            if edit(pointer):
                pointer.revision += 1
                if not self._swap(key, pointer_bytes(pointer), found):
                    time.sleep(random.uniform(0, LONGEST_PAUSE_S))
                    continue
            self._note(key, pointer.revision)
            return pointer
        raise StoreUnavailable(f"{key} is changed by too many at once; send this again")

    def revision(self, key: str) -> int:
        collection, name = _place(key)
        return self._index(collection).revisions.get(name, 0)

    def stamp(self, key: str) -> Stamp:
        """Return the revision of a pointer, in place of a size; its time is long ago, as a revision hides no change."""
        collection, name = _place(key)
        revision = self._index(collection).revisions.get(name)
        return (None if revision is None else (0, 0, revision),)

    def refresh(self) -> None:
        """Ask for the indexes at the next look, however young they are."""
        with self._looking:  # not while somebody asks: what comes back may be older than this
            self._looked_at.clear()

    def delete(self, key: str) -> None:
        """Remove folder.json first, so that no half folder is seen."""
        self.bucket.delete([f"{key}{FOLDER}"])
        self.bucket.delete(list(self.bucket.paths(f"data/{key}")))
        self._forget(key)

    def _forget(self, key: str) -> None:
        stored = self._folders.pop(key, None)
        if stored is not None:
            self.cache.forget(stored.digest)

    def _upload(self, key: str, folder: Path) -> StoredFolder:
        upload, texts, names = secrets.token_hex(8), dict[str, str](), list[str]()
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = path.relative_to(folder).as_posix()
            if path.suffix == ".json" and path.stat().st_size <= INLINE_BYTES:
                texts[name] = path.read_text()
            else:
                names.append(name)
                self.bucket.upload(f"data/{key}/{upload}/{name}", path)
        return StoredFolder(upload=upload, files=list_files(folder, *names), texts=texts)

    def _appear(self, key: str, stored: StoredFolder) -> bool:
        path = f"{key}{FOLDER}"
        try:
            self.bucket.create(path, files.json_bytes(stored.to_json()))
        except NotAsExpected:  # there is one: perhaps ours, if the answer to an earlier try was lost
            with contextlib.suppress(FileNotFoundError):
                return self._read_folder(path).upload == stored.upload
            return False
        return True

    def _drop_upload(self, key: str, upload: str) -> None:
        self.bucket.delete(list(self.bucket.paths(f"data/{key}/{upload}")))

    def _download(self, key: str, stored: StoredFolder, target: Path) -> None:
        for name, text in stored.texts.items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_text(text)
        for name in stored.files:
            path = target / name
            if target not in path.resolve().parents:
                raise StoreDamaged(f"the list of files of {key} names {name!r}, which is not in it")
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self.bucket.download(f"data/{key}/{stored.upload}/{name}", path)
            except FileNotFoundError:
                self._folders.pop(key, None)
                if not self.has(key):
                    raise
                raise StoreDamaged(f"{key}/{name} is missing") from None

    def _stored(self, key: str) -> StoredFolder:
        known = self._folders.get(key)
        return known or self._remember(key, self._read_folder(f"{key}{FOLDER}"))

    def _read_folder(self, path: str) -> StoredFolder:
        found = self.bucket.get(path)
        assert found is not None
        return StoredFolder.parse(found.content, path)

    def _remember(self, key: str, stored: StoredFolder) -> StoredFolder:
        self._folders[key] = stored
        if len(self._folders) > REMEMBERED:
            self._folders.pop(next(iter(self._folders)), None)
        return stored

    def _pointer(self, key: str, kind: type[P]) -> tuple[P, FoundObject | None]:
        try:
            found = self.bucket.get(key)
        except FileNotFoundError:
            return kind.none(), None
        assert found is not None
        return parse_pointer(found.content, kind, key), found

    def _swap(self, key: str, content: bytes, found: FoundObject | None) -> bool:
        """Write an object if it still is what was found; return whether that was so."""
        try:
            self.bucket.create(key, content) if found is None else self.bucket.replace(key, content, found.etag)
        except NotAsExpected:
            return False
        return True

    def _index(self, collection: str) -> PointerIndex:
        """Return the index of a collection as it was at most LOOK_EVERY_S ago, or when the bucket was last there."""
        with self._looking:
            known = self._indexes.get(collection)
            if known and time.monotonic() - self._looked_at.get(collection, float("-inf")) < LOOK_EVERY_S:
                return known[0]
            try:
                known = self._look(collection, known)
            except StoreUnavailable:
                if known is None:
                    raise
            self._looked_at[collection], self._indexes[collection] = time.monotonic(), known
            return known[0]

    def _look(self, collection: str, known: tuple[PointerIndex, str | None] | None) -> tuple[PointerIndex, str | None]:
        path = f"index/{collection}.json"
        try:
            found = self.bucket.get(path, unless=known[1] if known else None)
        except FileNotFoundError:
            return PointerIndex(revisions={}), None
        if found is None:
            assert known is not None
            return known
        return PointerIndex.parse(found.content, path), found.etag

    def _note(self, key: str, revision: int) -> None:
        """Let the index say that a pointer has this revision, or a later one."""
        collection, name = _place(key)
        known = self._indexes.get(collection)
        if revision == 0 or (known is not None and known[0].revisions.get(name, 0) >= revision):
            return
        path, deadline = f"index/{collection}.json", time.monotonic() + SWAP_WITHIN_S
        while time.monotonic() < deadline:
            found = None
            with contextlib.suppress(FileNotFoundError):
                found = self.bucket.get(path)
            index = PointerIndex.parse(found.content, path) if found else PointerIndex(revisions={})
            if index.revisions.get(name, 0) >= revision:
                break
            index = PointerIndex(revisions={**index.revisions, name: revision})
            if self._swap(path, files.json_bytes(index.to_json()), found):
                break
            time.sleep(random.uniform(0, LONGEST_PAUSE_S))
        self.refresh()


def _place(key: str) -> tuple[str, str]:
    """Return collection and name of a pointer."""
    collection, name, _ = key.split("/", 2)
    return collection, name


def _listed(stored: StoredFolder) -> Listed:
    """Return what a folder of the cache has to hold, with its JSON files."""
    texts = {name: text.encode() for name, text in stored.texts.items()}
    return stored.files | {
        name: FileDigest(bytes=len(text), sha256=hashlib.sha256(text).hexdigest()) for name, text in texts.items()
    }


def _move(source: Path, target: Path) -> None:
    for path in list(source.iterdir()):
        path.rename(target / path.name)
