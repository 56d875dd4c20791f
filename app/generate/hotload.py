"""Which engine answers to which reference, and how a new version takes over while the old one serves.

The store is the truth: the bell makes it quick, the poll makes it sure. A version that cannot be loaded leaves the
one before it serving, and is told in `failures`. Knows no HTTP.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from app.generate.calibration import PrecisionChoice
from app.generate.engine import Engine, load_engine
from app.telemetry import Telemetry
from core.answers.models import ModelSummary
from core.errors import GanymedeError, ModelNotFound, NotReady, StoreDamaged
from core.queue import Bell
from core.refs import ModelRef
from core.registry import Registry
from core.store import check_files

POLL_EVERY_S = 2.0
TRY_AGAIN_AFTER_S = 30.0  # a version that could not be loaded
MAX_RESIDENT = 16  # engines

T = TypeVar("T")
Key = tuple[str, int]  # model, version

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadFailure:
    """Why a version is not served, and since when (monotonic seconds)."""

    reason: str
    at: float = field(default_factory=time.monotonic)

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.at < TRY_AGAIN_AFTER_S


class Models:
    """The engines of one device. All state is changed on the event loop; loading happens on a thread of its own."""

    def __init__(
        self, registry: Registry, bell: Bell, device: str, telemetry: Telemetry, precision: PrecisionChoice = "auto"
    ) -> None:
        self.precision = precision
        self.registry, self.bell, self.device, self.telemetry = registry, bell, device, telemetry
        self.served: dict[ModelRef, Engine] = {}  # references without a version: what they mean now
        self.failures: dict[Key, LoadFailure] = {}
        self.problems: dict[ModelRef, str] = {}  # references that cannot be looked after, and why
        self._resident: dict[Key, Engine] = {}
        self._loading: dict[Key, asyncio.Task[Engine]] = {}
        self._resolving: dict[ModelRef, asyncio.Task[Engine]] = {}
        self._loader = ThreadPoolExecutor(1, "loader")
        self._turn = asyncio.Lock()  # references are looked after one by one: none is set back by who looked earlier
        self._rung = asyncio.Event()
        self._over = threading.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to watch the store; called on the running event loop."""
        loop = asyncio.get_running_loop()
        self._tasks.append(loop.create_task(self._watch()))

        def heard(_model: str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: we are shutting down
                loop.call_soon_threadsafe(self._rung.set)

        threading.Thread(target=self.bell.listen, args=(heard, self._over.is_set), name="bell", daemon=True).start()

    async def close(self) -> None:
        self._over.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._loader.shutdown(wait=True, cancel_futures=True)

    async def engine(self, ref: ModelRef) -> Engine:
        """The engine that answers to `ref`; loads it if no request has asked for it before.

        Raises:
            ModelNotFound: there is no such model, version or alias.
            NotReady: no version of it can be loaded.
        """
        if ref.version is not None:
            return await self._pinned(ref.name, ref.version)
        if ref not in self.served:
            task = self._resolving.get(ref)
            if task is None:
                task = self._resolving[ref] = asyncio.create_task(self._refresh(ref))
                task.add_done_callback(lambda _: self._resolving.pop(ref, None))
            engine = await asyncio.shield(task)
        else:
            engine = self.served[ref]
        engine.used_at = time.monotonic()
        return engine

    async def check(self, name: str, version: int) -> None:
        """Make sure that a version can be served, now and from its files; it is loaded here then.

        Raises:
            ModelNotFound: there is no such version.
            StoreDamaged: a file is missing or changed, or it cannot be drawn from.
        """
        await self._on_loader(self._check_files, name, version)
        await self._load((name, version))

    async def look(self, name: str | None = None) -> None:
        """Look now where the served references (of one model, or all) point, and what of them was deleted."""
        for ref in [ref for ref in self.served if name in (None, ref.name)]:
            try:
                await self._refresh(ref)
                self.problems.pop(ref, None)
            except ModelNotFound as error:
                log.info("%s: %s", ref, error)
            except GanymedeError as error:
                if self.problems.get(ref) != str(error):
                    log.warning("%s: %s", ref, error)
                self.problems[ref] = str(error)
            except Exception:  # one must not keep the others from being looked after
                log.exception("looking after %s failed", ref)
        await self._forget_deleted()

    async def announce(self, name: str) -> None:
        """After a change of a model: look at it here, and tell the other processes."""
        await self.look(name)
        await asyncio.to_thread(self.bell.ring, name)

    @property
    def degraded(self) -> list[str]:
        """What of the models does not work as it should, for people."""
        failed = [f"model:{name}@{version}: {f.reason}" for (name, version), f in self.failures.items()]
        return failed + [f"model:{ref}: {reason}" for ref, reason in self.problems.items()]

    def summary(self, name: str) -> ModelSummary | None:
        """One model in a line: its aliases, and what its name alone draws from here. None if there is no such model."""
        aliases: dict[str, int] = {}
        with contextlib.suppress(StoreDamaged):
            aliases = self.registry.pointers(name)["aliases"]
        served, versions = self.served.get(ModelRef(name)), self.registry.versions(name)
        if not versions:
            return None
        return ModelSummary(
            name=name,
            aliases=aliases,
            newest_version=versions[-1],
            served_version=served.version if served else None,
        )

    @property
    def resident(self) -> list[Engine]:
        """Every engine in memory."""
        return list(self._resident.values())

    def loaded(self, name: str) -> list[int]:
        """Versions of a model that are in memory."""
        return sorted(version for model, version in list(self._resident) if model == name)

    async def _pinned(self, name: str, version: int) -> Engine:
        key = (name, version)
        engine = self._resident.get(key)
        if engine is None:
            await self._on_loader(self.registry.resolve, ModelRef(name, version))
            try:
                engine = await self._load(key)
            except StoreDamaged as error:
                raise NotReady(f"version {version} of model {name!r} cannot be served: {error}") from None
        engine.used_at = time.monotonic()
        return engine

    async def _refresh(self, ref: ModelRef) -> Engine:
        """Point `ref` at the version it means now; the newest one before it that can be loaded if that one cannot."""
        async with self._turn:
            return await self._refreshed(ref)

    async def _refreshed(self, ref: ModelRef) -> Engine:
        try:
            target = await self._on_loader(self.registry.resolve, ref)
        except ModelNotFound:
            self.served.pop(ref, None)
            self.problems.pop(ref, None)
            raise
        current = self.served.get(ref)
        if current is not None and current.version == target:
            return current
        versions = await self._on_loader(self.registry.versions, ref.name)
        for version in sorted(_candidates(versions, target, current), reverse=True):
            with contextlib.suppress(StoreDamaged, ModelNotFound):  # not found: pruned meanwhile
                engine = await self._load((ref.name, version))
                self.served[ref] = engine
                self._forget_overtaken(engine)
                log.info("%s now means version %d (%s)", ref, engine.version, engine.digest[:19])
                return engine
        if current is None:
            raise NotReady(f"no version of model {ref.name!r} can be loaded: {self._reason(ref.name, target)}")
        return current

    async def _load(self, key: Key) -> Engine:
        """The engine of a version, loaded once however many ask; StoreDamaged if it failed lately."""
        if key in self._resident:
            return self._resident[key]
        failure = self.failures.get(key)
        if failure is not None and failure.is_fresh:
            raise StoreDamaged(failure.reason)
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.create_task(self._load_now(key))
            task.add_done_callback(lambda _: self._loading.pop(key, None))
        return await asyncio.shield(task)

    async def _load_now(self, key: Key) -> Engine:
        try:
            engine = await self._on_loader(self._read, *key)
        except StoreDamaged as error:
            if not self.registry.folder(*key).exists():  # pruned while it was read
                raise ModelNotFound(f"model {key[0]!r} has no version {key[1]}") from None
            log.error("model %s@%d is not served: %s", *key, error)
            self._failed(key, str(error))
            raise
        except ModelNotFound:
            raise
        except Exception as error:  # whatever a foreign file leads to
            log.exception("model %s@%d is not served", *key)
            self._failed(key, f"it cannot be loaded: {type(error).__name__}: {error}")
            raise StoreDamaged(self.failures[key].reason) from error
        self.failures.pop(key, None)
        self._resident[key] = engine
        self._evict(engine)
        self.telemetry.reloads.labels("loaded").inc()
        return engine

    def _failed(self, key: Key, reason: str) -> None:
        self.failures[key] = LoadFailure(reason)
        self.telemetry.reloads.labels("failed").inc()

    def _evict(self, newest: Engine) -> None:
        """Let the engines go that were not asked for the longest; a reference that meant one is resolved anew."""
        while len(self._resident) > MAX_RESIDENT:
            others = [key for key, engine in self._resident.items() if engine is not newest]
            oldest = min(others, key=lambda key: self._resident[key].used_at)
            engine = self._resident.pop(oldest)
            for ref in [ref for ref, served in self.served.items() if served is engine]:
                del self.served[ref]

    def _read(self, name: str, version: int) -> Engine:
        manifest = self.registry.manifest(name, version)
        return load_engine(name, version, self.registry.folder(name, version), manifest, self.device, self.precision)

    def _reason(self, name: str, version: int) -> str:
        failure = self.failures.get((name, version))
        return failure.reason if failure else "unknown"

    async def _watch(self) -> None:
        """For ever: when the bell rings, and every two seconds, look where the served references point."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._rung.wait(), POLL_EVERY_S)
            self._rung.clear()
            try:
                await self.look()
            except Exception:  # the watch must outlive whatever is in the store
                log.exception("looking after the models failed")

    def _forget_overtaken(self, engine: Engine) -> None:
        """A version that a newer one has overtaken is no longer a failure."""
        for name, version in list(self.failures):
            if name == engine.name and version < engine.version:
                del self.failures[name, version]

    async def _forget_deleted(self) -> None:
        """A version that is gone is neither in memory nor a failure. Requests under way keep the engine they have."""
        for name in {name for name, _ in (*self._resident, *self.failures)}:
            there = await self._on_loader(self.registry.versions, name)
            for key in [key for key in (*self._resident, *self.failures) if key[0] == name and key[1] not in there]:
                self._resident.pop(key, None)
                self.failures.pop(key, None)

    def _check_files(self, name: str, version: int) -> None:
        check_files(self.registry.folder(name, version), self.registry.manifest(name, version).get("files", {}))

    async def _on_loader(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._loader, work, *args)


def _candidates(versions: list[int], target: int, current: Engine | None) -> list[int]:
    """Versions that may take over when `target` is meant: what serves now is left only for what is nearer to it."""
    if current is None:
        return [version for version in versions if version <= target]
    if target < current.version:  # promoted, or rolled back to: this one or none
        return [target]
    return [version for version in versions if current.version < version <= target]
