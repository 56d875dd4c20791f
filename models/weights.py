"""Generators to safetensors and back. The file names its own architecture, so its digest says what is drawn.

No pickle: a foreign file can be wrong, never run code.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from core import files
from core.errors import StoreDamaged
from models import ARCHITECTURES

WEIGHTS_FILE = "generator.safetensors"


def save_generator(path: Path, generator: nn.Module, architecture: str, config: Any) -> None:
    """Write weights and buffers of `generator` as contiguous tensors; the metadata says how to build it again."""
    described = {"architecture": architecture, "config": ARCHITECTURES[architecture].fields(config)}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in generator.state_dict().items()}
    path.write_bytes(save(tensors, metadata={"ganymede": json.dumps(described, sort_keys=True)}))


def load_generator(path: Path) -> tuple[nn.Module, Any]:
    """Build the generator a file describes, on the CPU and in eval mode; returns it with its config.

    Raises:
        StoreDamaged: the file is no safetensors file, or names an architecture or tensors this build does not have.
    """
    try:
        with safe_open(path, framework="pt") as file:
            described = json.loads((file.metadata() or {})["ganymede"])
            # Copies: a tensor of safe_open is the mapped file; once that is cut short, to read it kills the process.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (no mapping)
        architecture = ARCHITECTURES[described["architecture"]]
        config = architecture.parse(described["config"])
        with torch.device("meta"):
            generator = architecture.generator(config)
        for name, expected in generator.state_dict().items():
            if name in tensors and tensors[name].dtype != expected.dtype:  # load_state_dict compares shapes alone
                raise ValueError(f"{name} is of {tensors[name].dtype}, not {expected.dtype}")
        generator.load_state_dict(tensors, strict=True, assign=True)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise StoreDamaged(f"{files.shown(path)} cannot be loaded: {str(error)[:300]}") from None
    return generator.eval(), config


def is_finite(network: nn.Module) -> bool:
    """Whether every weight and buffer is a finite number."""
    return all(bool(torch.isfinite(tensor).all()) for tensor in network.state_dict().values())
