"""What waits to be drawn, by version, and whose turn it is. Knows no thread."""

from collections import Counter, deque
from typing import Any

from app.engine.engine import Engine
from app.engine.request import EngineRequest

SMALL = 16  # images of a request that may go before larger ones

RequestSlice = tuple[EngineRequest[Any], slice]


class VersionQueue:
    """The requests for one version, small and large apart, each in order; where both wait, they share a batch."""

    def __init__(self) -> None:
        self._small, self._large = deque[EngineRequest[Any]](), deque[EngineRequest[Any]]()
        self._gives_odd = False  # whether the odd one of a batch goes to the small ones

    def add(self, request: EngineRequest[Any]) -> None:
        (self._small if len(request.rows) <= SMALL else self._large).append(request)

    def take(self, room: int) -> list[RequestSlice]:
        half = room
        if self._large:
            self._gives_odd = not self._gives_odd
            half = (room + self._gives_odd) // 2
        parts = _fill(self._small, half)
        parts += _fill(self._large, room - images_of(parts))
        return parts + _fill(self._small, room - images_of(parts))


def _fill(queue: deque[EngineRequest[Any]], room: int) -> list[RequestSlice]:
    """Take up to `room` images from the first requests; a complete request leaves the queue."""
    parts = list[RequestSlice]()
    while queue and room:
        request = queue[0]
        if not request.is_over:
            part = request.take(room)
            parts.append((request, part))
            room -= part.stop - part.start
        if not request.waiting:
            queue.popleft()
    return parts


def images_of(parts: list[RequestSlice]) -> int:
    return sum(part.stop - part.start for _, part in parts)


class Queues:
    """One queue a version, taken in turns. While one slot draws a version, others take only full batches of it."""

    def __init__(self) -> None:
        self._queues: dict[Engine, VersionQueue] = {}  # in the order of their turns
        self._images: dict[Engine, int] = {}  # that wait in each
        self._busy: Counter[Engine] = Counter()  # slots that draw each

    def add(self, request: EngineRequest[Any]) -> None:
        self._queues.setdefault(request.engine, VersionQueue()).add(request)
        self._count(request.engine, request.waiting)

    def drop(self, request: EngineRequest[Any]) -> None:
        """Skip a request when its turn comes, and stop counting its images."""
        request.is_over = True
        self._count(request.engine, -request.waiting)
        request.waiting = 0

    @property
    def images(self) -> int:
        """Waiting images of all versions."""
        return sum(self._images.values())

    @property
    def seconds(self) -> float:
        """Seconds that one slot would need to draw all waiting images."""
        return sum(images / engine.images_per_second for engine, images in self._images.items())

    @property
    def has_full_batch(self) -> bool:
        return any(images >= engine.best_batch for engine, images in self._images.items())

    @property
    def due(self) -> Engine | None:
        """The version that one more slot should draw next."""
        for engine in self._queues:
            if engine not in self._busy or self._images.get(engine, 0) >= engine.best_batch:
                return engine
        return None

    def begin(self, engine: Engine) -> list[RequestSlice]:
        """Take a batch of a due version from as many requests as fit; it may be empty. Then call `end`."""
        self._busy[engine] += 1
        queue, waiting = self._queues.pop(engine), self._images.get(engine, 0)
        parts = queue.take(engine.batch_for(waiting) if waiting else 0)
        self._count(engine, -images_of(parts))
        if engine in self._images:
            self._queues[engine] = queue  # to the back: others first
        return parts

    def end(self, engine: Engine) -> None:
        self._busy[engine] -= 1
        if not self._busy[engine]:
            del self._busy[engine]

    def _count(self, engine: Engine, images: int) -> None:
        left = self._images.get(engine, 0) + images
        if left:
            self._images[engine] = left
        else:
            self._images.pop(engine, None)
