"""Generators to safetensors and back. The file names its own architecture, so its digest says what is drawn.

No pickle: a foreign file can be wrong, never run code.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from core.errors import StoreDamaged
from core.registry import VersionManifest
from core.registry.manifest import FIRST_REVISION, GENERATION, IMAGE, MANIFEST_FILE
from core.store import files
from models import ARCHITECTURES
from models.device import without_weights

WEIGHTS_FILE = "generator.safetensors"
MAX_HEADER_BYTES = 1 << 20  # ours have a few thousand; the format's own limit lets a file cost a hundred times its size
DTYPES = {torch.float32: "F32", torch.int64: "I64"}  # of the weights and buffers there are


def save_generator(path: Path, generator: nn.Module, architecture: str, config: Any) -> None:
    """Write the tensors of `generator`; the metadata says how to build it again."""
    described = {"architecture": architecture, "config": asdict(config)}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in generator.state_dict().items()}
    path.write_bytes(save(tensors, metadata={"ganymede": json.dumps(described, sort_keys=True)}))


def load_generator(path: Path) -> tuple[nn.Module, Any]:
    """Build the generator of a file, on the CPU and in eval mode; return it with its config.

    Raises:
        StoreDamaged: it is no safetensors file, or names an architecture or tensors this build does not have.
    """
    try:
        _check_header(path)
        with safe_open(path, framework="pt") as file:
            described = json.loads((file.metadata() or {})["ganymede"])
            architecture = ARCHITECTURES[described["architecture"]]
            config = architecture.config(**described["config"])
            with without_weights():
                generator = architecture.generator(config)
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


def unknown(manifest: VersionManifest) -> Iterator[tuple[str, str | int, str]]:
    """Yield fields of a manifest that this build does not know: name, value, and what it knows."""
    known: dict[str, Iterable[str | int]] = {"task": (GENERATION,), "medium": (IMAGE,), "architecture": ARCHITECTURES}
    if manifest.architecture in ARCHITECTURES:
        known["revision"] = range(1, ARCHITECTURES[manifest.architecture].revision + 1)
    for field, values in known.items():
        if getattr(manifest, field) not in values:
            yield field, getattr(manifest, field), ", ".join(map(str, values))


def misfits(manifest: VersionManifest, config: Any) -> list[str]:
    """Return fields in which a manifest differs from the config of its weights."""
    pairs = {
        "image_size": (manifest.image_size, config.image_size),
        "channels": (manifest.channels, config.channels),
        "latent_dim": (manifest.latent_dim, config.latent_dim),
        "labels": (len(manifest.labels), config.num_classes),
    }
    if manifest.revision != FIRST_REVISION:  # an earlier build left it to the weights
        pairs["revision"] = manifest.revision, revision_of(config)
    return [field for field, (said, is_so) in pairs.items() if said != is_so]


def revision_of(config: Any) -> int:
    return int(getattr(config, "revision", FIRST_REVISION))


def is_finite(network: nn.Module) -> bool:
    """Return whether every weight and buffer is a finite number."""
    return all(bool(torch.isfinite(tensor).all()) for tensor in network.state_dict().values())
