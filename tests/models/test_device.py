"""A device that is not here is named with its setting; the rest passes."""

import pytest
import torch

from core.settings import SettingsError
from models.device import check_device


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_what_is_everywhere_passes(device: str) -> None:
    check_device(device)


@pytest.mark.parametrize("device", ["cuda:512", *([] if torch.cuda.is_available() else ["cuda", "cuda:0"])])
def test_a_gpu_that_is_not_here_is_named_with_its_setting(device: str) -> None:
    with pytest.raises(SettingsError, match=rf"^GANYMEDE_DEVICE: {device} is a GPU, and PyTorch.* finds .* here.*auto"):
        check_device(device)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_that_is_here_passes() -> None:
    check_device("cuda")
    check_device("cuda:0")
