"""What waits to be drawn, by version, and whose turn it is. Knows no thread."""

from collections import Counter, deque
from typing import Any

from app.generate.drawing import Drawing
from app.generate.engine import Engine

SHARE = 16  # images that one request may put into a batch while others wait

Part = tuple[Drawing[Any], slice]


class Queues:
    """One queue a version; they take turns. While one hand draws a version, another gets nothing less of it than a
    full batch."""

    def __init__(self) -> None:
        self._queues: dict[Engine, deque[Drawing[Any]]] = {}  # in the order of their turns
        self._images: dict[Engine, int] = {}  # that wait in each
        self._drawing: Counter[Engine] = Counter()  # hands that draw each

    def add(self, drawing: Drawing[Any]) -> None:
        self._queues.setdefault(drawing.engine, deque()).append(drawing)
        self._count(drawing.engine, drawing.waiting)

    def drop(self, drawing: Drawing[Any]) -> None:
        """It is skipped when its turn comes; its images count no more."""
        drawing.is_over = True
        self._count(drawing.engine, -drawing.waiting)
        drawing.waiting = 0

    @property
    def images(self) -> int:
        """That wait, of all versions."""
        return sum(self._images.values())

    @property
    def seconds(self) -> float:
        """That one hand would take to draw them."""
        return sum(images / engine.images_per_second for engine, images in self._images.items())

    @property
    def has_full_batch(self) -> bool:
        return any(images >= engine.best_batch for engine, images in self._images.items())

    @property
    def due(self) -> Engine | None:
        """The version whose turn it is to be drawn by one more hand."""
        for engine in self._queues:
            if engine not in self._drawing or self._images.get(engine, 0) >= engine.best_batch:
                return engine
        return None

    def begin(self, engine: Engine) -> list[Part]:
        """Take a batch of a version that is due, from as many requests as fit; perhaps nothing. Then call `end`."""
        self._drawing[engine] += 1
        queue, parts = self._queues.pop(engine), list[Part]()
        waiting = self._images.get(engine, 0)
        room = engine.batch_for(waiting) if waiting else 0
        while queue and room:
            drawing = queue.popleft()
            if drawing.is_over:
                continue
            part = drawing.take(min(room, SHARE) if queue else room)
            parts.append((drawing, part))
            room -= part.stop - part.start
            if drawing.waiting:
                queue.append(drawing)
        self._count(engine, -sum(part.stop - part.start for _, part in parts))
        if queue and engine in self._images:
            self._queues[engine] = queue  # to the back: others first
        return parts

    def end(self, engine: Engine) -> None:
        """A hand has drawn its batch."""
        self._drawing[engine] -= 1
        if not self._drawing[engine]:
            del self._drawing[engine]

    def _count(self, engine: Engine, images: int) -> None:
        left = self._images.get(engine, 0) + images
        if left:
            self._images[engine] = left
        else:
            self._images.pop(engine, None)
