"""The device that a setting names: which it is, whether it is here, what it computes in. Knows no network."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from core.settings import SettingsError


def has_gpu(device: str) -> bool:
    """Return whether the setting `device` means a GPU."""
    return choose_device(device).startswith("cuda")


def choose_device(device: str) -> str:
    """Resolve "auto": the GPU if there is one, else the CPU."""
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


def has_bfloat16(device: torch.device) -> bool:
    """Return whether bfloat16 is native there; emulated, it would be slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def check_device(device: str) -> None:
    """Raise SettingsError, with what there is, if networks cannot run there."""
    if torch.device("cpu" if device == "auto" else device).type != "cuda":
        return
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if (torch.device(device).index or 0) < count:
        return
    found = f"finds {count} here, numbered from 0" if count else "finds none here"
    build = "" if torch.version.cuda else ", built without CUDA,"
    raise SettingsError(
        f"GANYMEDE_DEVICE: {device} is a GPU, and PyTorch{build} {found}; cpu, or auto for what there is"
    )


def main() -> None:
    """Print the device that the argument means, or the error on stderr, for those who must not import torch."""
    try:
        check_device(sys.argv[1])
    except SettingsError as error:
        sys.exit(str(error))
    sys.stdout.write("cuda\n" if has_gpu(sys.argv[1]) else "cpu\n")


if __name__ == "__main__":
    main()


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
