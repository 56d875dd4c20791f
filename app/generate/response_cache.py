"""Answers that were sent lately, and those being drawn: the same picture is drawn once, however many ask for it at once
or soon after. Knows no engine and no HTTP; what an answer is called (its ETag) says all that its bytes depend on.
"""

from collections import OrderedDict
from collections.abc import Callable

from app.engine.request import EngineRequest
from app.http.telemetry import Telemetry

OVERHEAD = 200  # bytes of memory that an entry costs beside its content
ASKED = 2**15  # questions that are remembered


class ResponseCache:
    """Keeps up to `budget` bytes, and drops the least recently used first. Used on the event loop alone."""

    def __init__(self, budget: int, telemetry: Telemetry) -> None:
        self.budget, self.nbytes = budget, 0
        self.telemetry = telemetry
        self._hits = telemetry.cache_hits.labels("memory")  # labels() costs more than all the rest
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._under_way: dict[str, EngineRequest[bytes]] = {}
        self._asked: OrderedDict[int, None] = OrderedDict()  # hashes of questions

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, name: str) -> bytes | None:
        content = self._kept.get(name)
        if content is not None:
            self._kept.move_to_end(name)
            self._hits.inc()
        return content

    def keep(self, name: str, content: bytes) -> None:
        """Store an answer, unless it is larger than the whole budget."""
        size = len(content) + OVERHEAD
        if name in self._kept or size > self.budget:
            return
        self._kept[name] = content
        self.nbytes += size
        while self.nbytes > self.budget:
            _, oldest = self._kept.popitem(last=False)
            self.nbytes -= len(oldest) + OVERHEAD

    def share(self, name: str, submit: Callable[[], EngineRequest[bytes]]) -> EngineRequest[bytes]:
        """Return the request of that name that is under way, or a new one. Call `landed` after the wait."""
        request = self._under_way.get(name)
        if request is not None and not request.is_over:
            self.telemetry.cache_hits.labels("flight").inc()
            return request
        request = self._under_way[name] = submit()
        return request

    def note(self, question: bytes) -> None:
        """Remember that a query with these very words was admitted."""
        self._asked[hash(question)] = None
        if len(self._asked) > ASKED:
            self._asked.popitem(last=False)

    def may_have(self, question: bytes) -> bool:
        """Return whether the answer may be here or on its way. False may be wrong for a query in other words."""
        return hash(question) in self._asked

    def landed(self, name: str, request: EngineRequest[bytes]) -> None:
        if request.is_over and self._under_way.get(name) is request:
            del self._under_way[name]
