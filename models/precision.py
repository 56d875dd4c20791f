"""What a device computes in."""

import torch


def has_bfloat16(device: torch.device) -> bool:
    """Return whether bfloat16 is native there; emulated, it would be slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
