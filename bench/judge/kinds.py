"""Which pictures there are judges of. What a judge needs is loaded when it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.judge.digits import digits_judge
from bench.judge.examination import Judge


class MissingPackages(Exception):
    """The judge cannot be made without packages that are not installed."""


@dataclass(frozen=True)
class Kind:
    """Pictures of one dataset: their shape (H, W, C), the number of their classes, how many compare with the floor."""

    name: str
    shape: tuple[int, int, int]
    num_classes: int
    comparable: int
    load: Callable[[], Judge]


def _avatars_judge() -> Judge:
    try:
        from bench.judge.avatars import avatars_judge
    except ModuleNotFoundError as error:
        raise MissingPackages(
            f"the judge of the avatars draws them, and {error.name} is not installed: pip install '.[dev]'"
        ) from None
    return avatars_judge()


KINDS = {
    kind.name: kind
    for kind in (
        Kind("digits", (28, 28, 1), 10, 10_000, digits_judge),
        Kind("avatars", (64, 64, 3), 8, 4_000, _avatars_judge),
    )
}
