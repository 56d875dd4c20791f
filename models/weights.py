"""What is published to safetensors and back. The file names its own architecture, so its digest says what is drawn.

No pickle: a foreign file can be wrong, never run code.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from core.errors import StoreDamaged
from core.registry import VersionManifest
from core.registry.manifest import MANIFEST_FILE
from core.store import files
from models.architectures import published_network
from models.shapes import without_weights
from models.sizes import CONFIGS
from models.version import WEIGHTS_FILE, misfits, unknown

MAX_HEADER_BYTES = 1 << 20  # ours have a few thousand; the format's own limit lets a file cost a hundred times its size
DTYPES = {torch.float32: "F32", torch.int64: "I64"}  # of the weights and buffers there are


def save_generator(path: Path, generator: nn.Module, architecture: str, config: Any) -> None:
    """Write the tensors of `generator`; the metadata says how to build it again."""
    described = {"architecture": architecture, "config": asdict(config)}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in generator.state_dict().items()}
    path.write_bytes(save(tensors, metadata={"ganymede": json.dumps(described, sort_keys=True)}))


def load_generator(path: Path) -> tuple[nn.Module, Any]:
    """Build the network of a file, on the CPU and in eval mode; return it with its config.

    Raises:
        StoreDamaged: it is no safetensors file, or names an architecture or tensors this build does not have.
    """
    try:
        _check_header(path)
        with safe_open(path, framework="pt") as file:
            described = json.loads((file.metadata() or {})["ganymede"])
            config = CONFIGS[described["architecture"]](**described["config"])
            with without_weights():
                generator = published_network(described["architecture"], config)
            names = _check_tensors(file, generator)
            # Copies: a tensor of safe_open is the mapped file; once that is cut short, to read it kills the process.
            tensors = {name: file.get_tensor(name).clone() for name in names}
        generator.load_state_dict(tensors, strict=True, assign=True)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise StoreDamaged(f"{files.shown(path)} cannot be loaded: {str(error)[:300]}") from None
    return generator.eval(), config


def _check_header(path: Path) -> None:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if length > MAX_HEADER_BYTES:
        raise ValueError(f"its header of {length} bytes is longer than {MAX_HEADER_BYTES}")


def _check_tensors(file: Any, generator: nn.Module) -> list[str]:
    """Return names of the tensors, checked against `generator` in shape and type before any is in memory."""
    expected, found = generator.state_dict(), set(file.keys())
    if found != expected.keys():
        raise ValueError(f"its tensors are not those of the network: {sorted(found ^ expected.keys())[:5]}")
    for name, tensor in expected.items():
        stored = file.get_slice(name)
        if stored.get_shape() != list(tensor.shape) or stored.get_dtype() != DTYPES[tensor.dtype]:
            shown = f"{stored.get_dtype()} {stored.get_shape()}"
            raise ValueError(f"{name} is {shown}, not {DTYPES[tensor.dtype]} {list(tensor.shape)}")
    return list(expected)


def load_version(folder: Path, manifest: VersionManifest) -> tuple[nn.Module, Any]:
    """Load the folder that `manifest` describes; StoreDamaged too if this build does not know such a version."""
    for field, found, known in unknown(manifest):
        raise StoreDamaged(f"{files.shown(folder / MANIFEST_FILE)} has the {field} {found!a}; this build knows {known}")
    generator, config = load_generator(folder / WEIGHTS_FILE)
    if misfits(manifest, config):
        raise StoreDamaged("its manifest does not describe its weights")
    return generator, config


def is_finite(network: nn.Module) -> bool:
    """Return whether every weight and buffer is a finite number."""
    return all(bool(torch.isfinite(tensor).all()) for tensor in network.state_dict().values())
