"""Networks of shapes alone: to count their numbers, or to fill them from a file."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


class _Uninitialised(TorchFunctionMode):
    """Layers leave their weights as they are. On the meta device `nn.init.normal_` would import torch._dynamo, the
    compiler's front end: two seconds of a core, to fill nothing."""

    def __torch_function__(self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == torch.nn.init.__name__:
            return kwargs.get("tensor", args[0] if args else None)
        return func(*args, **kwargs)


@contextlib.contextmanager
def without_weights() -> Iterator[None]:
    """Build networks of shapes alone, which take no memory."""
    with torch.device("meta"), _Uninitialised():
        yield
