"""The engines in memory, up to a budget of bytes; who was not asked for the longest goes first. Knows no file."""

import time
from collections.abc import Callable

from app.engine.engine import Engine
from app.engine.telemetry import EngineTelemetry
from ganymede.schemas.references import BranchStep

Version = int | BranchStep  # of a model; of a run: where in it a checkpoint was made
Key = tuple[str, Version]  # a model, or `run:ID`


class ModelCache:
    """Engines by name and version. Changed on the event loop alone, read by any thread.

    `dropped` is called with each engine that leaves. Requests under way keep theirs, which holds its memory until then.
    """

    def __init__(self, budget: int, telemetry: EngineTelemetry, dropped: Callable[[Engine], None]) -> None:
        self.budget, self.telemetry, self._dropped = budget, telemetry, dropped
        self._engines: dict[Key, Engine] = {}
        self._wanted: set[Key] = set()  # asked for by their version, not only by a name that meant it

    def get(self, key: Key) -> Engine | None:
        return self._engines.get(key)

    def want(self, key: Key) -> Engine | None:
        """As `get`, and keep this version when its name moves on, because a request named it."""
        engine = self._engines.get(key)
        if engine is not None:
            self._wanted.add(key)
            engine.used_at = time.monotonic()
        return engine

    def all(self) -> list[Engine]:
        return list(self._engines.values())

    def of(self, name: str) -> list[Engine]:
        return [engine for engine in self.all() if engine.name == name]

    @property
    def nbytes(self) -> int:
        return sum(engine.facts.nbytes for engine in self.all())

    def add(self, engine: Engine) -> None:
        """Add an engine, and drop old ones until all fit; the newest stays even if it alone is too large."""
        newest = (engine.name, engine.version)
        self._engines[newest] = engine
        for oldest in sorted(self._engines, key=lambda key: self._engines[key].used_at):
            if self.nbytes <= self.budget:
                break
            if oldest != newest:
                self.remove(oldest)
                self.telemetry.evicted.inc()

    def overtaken(self, engine: Engine) -> None:
        """Drop an engine that no name means any more, unless requests named its version."""
        key = (engine.name, engine.version)
        if key not in self._wanted and self._engines.get(key) is engine:
            self.remove(key)

    def remove(self, key: Key) -> None:
        engine = self._engines.pop(key, None)
        self._wanted.discard(key)
        if engine is not None:
            self._dropped(engine)
