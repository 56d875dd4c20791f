"""Whether the device that a setting names is here. Knows no network."""

import sys

import torch

from core.settings import SettingsError


def has_gpu(device: str) -> bool:
    """Whether networks run on a GPU where the setting `device` is this."""
    return torch.cuda.is_available() if device == "auto" else device.startswith("cuda")


def check_device(device: str) -> None:
    """See that networks can run there.

    Raises:
        SettingsError: they cannot; the text names the setting and what there is.
    """
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
    """For who must not import torch: says what the device is that its argument names, or on stderr what is wrong."""
    try:
        check_device(sys.argv[1])
    except SettingsError as error:
        sys.exit(str(error))
    sys.stdout.write("cuda\n" if has_gpu(sys.argv[1]) else "cpu\n")


if __name__ == "__main__":
    main()
