"""Which engine answers to which reference, and how a new version takes over while the old one serves.

The store is the truth: notifications make it quick, the poll makes it sure. A version that cannot be loaded leaves the
one before it serving, and is told in `failures`. Knows no HTTP.
"""

import asyncio
import contextlib
import logging
import time
import weakref
from collections.abc import Callable
from typing import Protocol

from app.engine.engine import Engine
from app.engine.keeper import KeptTask, TaskKeeper
from app.engine.loader import Loader, LoadFailure
from app.engine.lookups import Lookups
from app.engine.model_cache import Key, ModelCache, Version
from app.engine.source import Source
from app.engine.telemetry import EngineTelemetry
from core.errors import CheckpointNotFound, GanymedeError, ModelCollapsed, ModelNotFound, NotReady, StoreDamaged
from core.registry.cache import is_settled
from core.store import Stamp
from ganymede.schemas.references import RUN, ModelRef, Reference, RunRef

POLL_EVERY_S = 2.0
RUN_MEANS_FOR_S = 1.0  # then the run's folder is looked at again
RUNS_REMEMBERED = 1024  # references to checkpoints

log = logging.getLogger(__name__)


class Notifier(Protocol):
    """Tells the processes of a service that a model changed; may fail silently."""

    def notify(self, model: str) -> None: ...

    def listen(self, heard: Callable[[str], None], is_over: Callable[[], bool]) -> None:
        """Call `heard(model)` for each notification until `is_over()`."""
        ...


class ServedModels:
    """The engines of one device. All state is changed on the event loop; the store is read on threads.

    `budget`: bytes of weights in memory. `max_wait_s`: how long a request may be expected to wait for a load.
    """

    def __init__(
        self,
        source: Source,
        notifier: Notifier,
        telemetry: EngineTelemetry,
        *,
        budget: int,
        max_wait_s: float,
        keeper: TaskKeeper | None = None,
    ) -> None:
        self.source, self.registry, self.notifier = source, source.registry, notifier
        self.device = source.backend.device
        self.served: dict[ModelRef, Engine] = {}  # references without a version: what they mean now
        self.problems: dict[ModelRef, str] = {}  # references that cannot be looked after, and why
        self.cache = ModelCache(budget, telemetry, self._dropped)
        self.loader = Loader(self.source.read, self.cache.add, max_wait_s, telemetry, keeper)
        self._found: dict[RunRef, tuple[float, Key]] = {}  # the checkpoint that a reference meant, and when
        self._revisions: dict[str, int] = {}  # of the models that clients asked for by one: this much was looked at
        self._seen: dict[str, Stamp] = {}  # models that were looked after, and how their folders were then
        self._turns: weakref.WeakValueDictionary[Reference, asyncio.Lock] = weakref.WeakValueDictionary()
        # Folders are read by two threads, never behind a load: whatever requests name does not keep the watch waiting.
        self._own = Lookups("lookup", telemetry)
        self._asked = Lookups("asked", telemetry, max_wait_s)
        self._has_dropped = False
        self._rung = asyncio.Event()
        self._keeper = keeper or TaskKeeper()
        self._tasks: list[KeptTask] = []

    def start(self) -> None:
        """Watch the store; called on the running event loop."""
        loop = asyncio.get_running_loop()

        def heard(_model: str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: we are shutting down
                loop.call_soon_threadsafe(self._rung.set)

        self._tasks = [
            self._keeper.start("watch of the models", self._watch),
            self._keeper.start_thread("notifications", lambda is_over: self.notifier.listen(heard, is_over)),
        ]

    async def close(self) -> None:
        for kept in self._tasks:
            await kept.close()
        await self.loader.close()
        self._own.shutdown()
        self._asked.shutdown()

    async def engine(self, ref: Reference, *, is_urgent: bool = False) -> Engine:
        """Return the engine that answers to `ref`; load it if need be, first of all if it `is_urgent`.

        Raises:
            NotFound: there is no such model, version, alias, run or checkpoint.
            NotReady: no version of it can be loaded.
            ModelCollapsed: all its pictures are the same.
            Overloaded: too many loads or look-ups wait.
        """
        if isinstance(ref, RunRef):
            return await self._of_run(ref)
        if ref.version is not None:
            return await self._of_version(ref, (ref.name, ref.version), is_urgent)
        if ref not in self.served and not is_urgent:
            await self._asked.run(self.registry.resolve, ref)  # what is not there keeps nobody's turn
        engine = self.served.get(ref) or await self._refresh(ref, is_urgent)
        engine.used_at = time.monotonic()
        return engine

    async def check(self, name: str, version: int) -> None:
        """Load a version to prove that it can be served; ModelNotFound or StoreDamaged if not."""
        await asyncio.to_thread(self.source.check_files, name, version)  # hashes all of it: not before lookups
        await self._load((name, version), is_urgent=True)

    async def look(self) -> None:
        """Look where references point, and what was deleted; an unchanged model costs two stats, and all of an object
        store one request."""
        loaded = {engine.name for engine in self.cache.all()} | {name for name, _ in self.failures}
        names = {name for name in loaded if not name.startswith(f"{RUN}:")} | {ref.name for ref in self.served}
        stamps = await self._own.run(self.registry.stamps, names)
        changed = [name for name, stamp in stamps.items() if stamp != self._seen.get(name)]
        again = {ref.name for ref in self.problems} | {name for name, _ in self.failures}  # perhaps it works now
        due = {*changed, *again}
        await asyncio.gather(*(self._look_after(ref) for ref in list(self.served) if ref.name in due))
        await self._forget_deleted(due)
        self._seen = {name: stamp for name, stamp in stamps.items() if is_settled(stamp)}

    async def see(self, name: str, revision: int) -> None:
        """Look anew, unless a model is known here as it was at `revision`; NotReady if nobody has written that yet."""
        if self._revisions.get(name, 0) >= revision:
            return
        found = await self._asked.run(self.registry.revision, name)
        if found < revision:
            raise NotReady(f"model {name!r} is at revision {found} here, and not yet at {revision}: send this again")
        await self.look()
        self._revisions[name] = found

    async def announce(self, name: str) -> None:
        """Look at a changed model here, and tell the other processes."""
        await self.look()
        await asyncio.to_thread(self.notifier.notify, name)

    @property
    def failures(self) -> dict[Key, LoadFailure]:
        return self.loader.failures

    @property
    def degraded(self) -> list[str]:
        """List for people which models are not served as they should be. A damaged checkpoint is no model."""
        failed = [f"model:{n}@{v}: {failure.reason}" for (n, v), failure in self.failures.items() if isinstance(v, int)]
        return failed + [f"model:{ref}: {reason}" for ref, reason in self.problems.items()]

    async def _of_version(self, ref: ModelRef, key: Key, is_urgent: bool) -> Engine:
        if self.cache.get(key) is None:
            lookups = self._own if is_urgent else self._asked
            await lookups.run(self.registry.resolve, ref)  # what is not there waits for no load
        return await self._wanted(key, is_urgent)

    async def _of_run(self, ref: RunRef) -> Engine:
        """Return the engine of the checkpoint that `ref` means; looked up once a second, however many ask."""
        key = await self._find(ref)
        try:
            return await self._wanted(key)
        except CheckpointNotFound:  # deleted within that second: `latest` means a newer one
            self._found.pop(ref, None)
            return await self._wanted(await self._find(ref))

    async def _find(self, ref: RunRef) -> Key:
        async with self._turn(ref):
            at, key = self._found.get(ref, (-RUN_MEANS_FOR_S, None))
            if key is None or time.monotonic() - at > RUN_MEANS_FOR_S:
                self._found.pop(ref, None)
                key = await self._asked.run(self.source.find, ref)
                self._found[ref] = (time.monotonic(), key)
                if len(self._found) > RUNS_REMEMBERED:
                    del self._found[next(iter(self._found))]
            return key

    async def _wanted(self, key: Key, is_urgent: bool = False) -> Engine:
        try:
            engine = await self._load(key, is_urgent)
        except ModelCollapsed:
            raise
        except StoreDamaged as error:
            what = "checkpoint {1} of {0}" if key[0].startswith(f"{RUN}:") else "version {1} of model {0!r}"
            raise NotReady(f"{what.format(*key)} cannot be served: {error}") from None
        self.cache.want(key)
        return engine

    async def _load(self, key: Key, is_urgent: bool) -> Engine:
        return self.cache.get(key) or await self.loader.load(key, is_urgent=is_urgent)

    async def _refresh(self, ref: ModelRef, is_urgent: bool) -> Engine:
        """Point `ref` at the version it means now, or at the newest loadable one before it."""
        async with self._turn(ref):  # none is set back by who looked earlier
            try:
                target = await self._own.run(self.registry.resolve, ref)
            except ModelNotFound:
                self.served.pop(ref, None)
                self.problems.pop(ref, None)
                raise
            current = self.served.get(ref)
            if current is not None and current.version == target:
                return current
            engine = await self._nearest(ref, target, current, is_urgent)
            if engine is not current:
                self.served[ref] = engine
                self._overtook(engine, current)
                log.info("%s now means version %s (%s)", ref, engine.version, engine.digest[:19])
            return engine

    async def _nearest(self, ref: ModelRef, target: int, current: Engine | None, is_urgent: bool) -> Engine:
        """Return the engine of `target`, else of the newest loadable version before it, else the serving one."""
        with contextlib.suppress(StoreDamaged, ModelNotFound):
            return await self._load((ref.name, target), is_urgent)
        versions = await self._own.run(self.registry.versions, ref.name)
        for version in sorted(_substitutes(versions, target, current), reverse=True):
            with contextlib.suppress(StoreDamaged, ModelNotFound):  # not found: pruned meanwhile
                return await self._load((ref.name, version), is_urgent)
        if current is None:
            failure = self.failures.get((ref.name, target))
            why = f"no version of model {ref.name!r} can be loaded: {failure.reason if failure else 'unknown'}"
            raise ModelCollapsed(why) if failure and failure.kind is ModelCollapsed else NotReady(why)
        return current

    async def _look_after(self, ref: ModelRef) -> None:
        try:
            await self._refresh(ref, is_urgent=True)
            self.problems.pop(ref, None)
        except ModelNotFound as error:
            log.info("%s: %s", ref, error)
        except GanymedeError as error:
            if self.problems.get(ref) != str(error):
                log.warning("%s: %s", ref, error)
            self.problems[ref] = str(error)
        except Exception as error:  # one must not keep the others from being looked after
            log.exception("looking after %s failed", ref)
            self.problems[ref] = f"{type(error).__name__}: {error}"

    async def _watch(self) -> None:
        """Look where the served references point, every two seconds and whenever a notification comes."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_EVERY_S):
                    await self._rung.wait()
            self._rung.clear()
            try:
                await self.look()
                if self._has_dropped:
                    self._has_dropped = False
                    await self._own.run(self.source.backend.give_back)
            except Exception:  # the watch must outlive whatever is in the store
                log.exception("looking after the models failed")

    def _overtook(self, engine: Engine, before: Engine | None) -> None:
        """Forget the failures of overtaken versions, and their engines unless requests named them."""
        for name, version in list(self.failures):
            if name == engine.name and _is_older(version, engine.version):
                del self.failures[name, version]
        if before is not None and before not in self.served.values():
            self.cache.overtaken(before)

    async def _forget_deleted(self, due: set[str]) -> None:
        keys = {(engine.name, engine.version) for engine in self.cache.all()} | set(self.failures)
        asked = [key for key in keys if key[0] in due or key[0].startswith(f"{RUN}:")]
        for key in await self._own.run(self.source.gone, asked):
            self.cache.remove(key)
            self.failures.pop(key, None)

    def _dropped(self, engine: Engine) -> None:
        """An engine left the memory: resolve a reference to it anew when somebody asks."""
        self._has_dropped = True
        for ref in [ref for ref, served in self.served.items() if served is engine]:
            del self.served[ref]
            self.problems.pop(ref, None)  # nobody looks after it any more

    def _turn(self, ref: Reference) -> asyncio.Lock:
        return self._turns.setdefault(ref, asyncio.Lock())


def _is_older(version: Version, than: Version) -> bool:
    """Compare two versions of a model; steps of a run never replace one another."""
    return isinstance(version, int) and isinstance(than, int) and version < than


def _substitutes(versions: list[int], target: int, current: Engine | None) -> list[int]:
    """List the newer versions that may replace `target`; a move to an older version has no substitute."""
    serving = current.version if current is not None else 0
    return [version for version in versions if _is_older(serving, version) and version < target]
