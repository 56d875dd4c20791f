"""How many images a key may draw a day: counted before they are drawn, given back where they are not."""

import contextlib
from collections.abc import Iterator

from fastapi import Request

from app.deps import Services
from app.http.access import key_of


@contextlib.contextmanager
def counted(num_images: int, request: Request, services: Services) -> Iterator[None]:
    """Count the images that are drawn inside.

    Raises:
        QuotaExceeded: the key of the request may not draw so many today.
    """
    key = key_of(request.scope)
    if key is None or key.images_a_day is None:
        yield
        return
    services.usage.draw(key, num_images)
    try:
        yield
    except BaseException:
        services.usage.draw(key, -num_images)
        raise
