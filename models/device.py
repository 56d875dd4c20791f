"""The device that a setting names: which it is, whether it is here. Knows no network.

torch is loaded only where there may be a GPU: it takes seconds and 200 MB, which an API on a CPU spares itself.
"""

import sys
from pathlib import Path

from core.settings import SettingsError

DRIVERS = ("nvidia*", "nvhost*", "nvmap", "dxg", "kfd")  # device files: NVIDIA's, its boards', Windows', AMD's


def has_gpu(device: str) -> bool:
    """Return whether the setting `device` means a GPU."""
    return choose_device(device).startswith("cuda")


def choose_device(device: str) -> str:
    """Resolve "auto": the GPU if there is one, else the CPU."""
    return device if device != "auto" else "cuda" if _count_gpus() else "cpu"


def check_device(device: str) -> None:
    """Raise SettingsError, with what there is, if networks cannot run there."""
    if not device.startswith("cuda"):
        return
    count, (_, _, index) = _count_gpus(), device.partition(":")
    if int(index or 0) < count:
        return
    import torch

    found = f"finds {count} here, numbered from 0" if count else "finds none here"
    build = "" if torch.version.cuda else ", built without CUDA,"
    raise SettingsError(
        f"GANYMEDE_DEVICE: {device} is a GPU, and PyTorch{build} {found}; cpu, or auto for what there is"
    )


def _count_gpus() -> int:
    if not any(any(Path("/dev").glob(name)) for name in DRIVERS):
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def main() -> None:
    """Print the device that the argument means, or the error on stderr, for those who must not import torch."""
    try:
        check_device(sys.argv[1])
    except SettingsError as error:
        sys.exit(str(error))
    sys.stdout.write("cuda\n" if has_gpu(sys.argv[1]) else "cpu\n")


if __name__ == "__main__":
    main()
