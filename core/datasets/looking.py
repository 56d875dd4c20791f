"""The first look at pictures: what `auto` and the levels of deep ones are settled by. Knows no archive."""

import threading
from collections.abc import Callable, Iterator, Sequence

from core.datasets.conversion import OnProgress, background_of, in_order
from core.datasets.levels import FULL
from core.datasets.order import AUTO, ImportOrder
from core.datasets.picture import Plan, Shape, look_at


def read_shapes(count: int, packed: Callable[[int], bytes], order: ImportOrder, on_progress: OnProgress) -> list[Shape]:
    """Read the shapes of all pictures that can be opened; look for colour until one has some."""
    has_colour = threading.Event()
    if order.form.channels != AUTO:
        has_colour.set()

    def look(i: int) -> Shape:
        shape = look_at(packed(i), background_of(order.form), order.limits.pixels, lambda: not has_colour.is_set())
        if not shape.is_grey:
            has_colour.set()
        return shape

    shapes = []
    for i, seen in enumerate(in_order(count, look)):
        if isinstance(seen, Shape):
            shapes.append(seen)
        on_progress("looking", i + 1, count)
    return shapes


def notes_of(plan: Plan, shapes: Sequence[Shape]) -> Iterator[str]:
    """Yield notes on decisions that a sender might not expect."""
    spans = [shape.span for shape in shapes if shape.span]
    if plan.whole != FULL:
        bits = int(plan.whole.white).bit_length()
        yield f"pictures of 16 bits use {bits} of them at most: {plan.whole}"
    if any(not span.is_whole for span in spans):
        yield f"pictures of floats: {plan.floats}"
