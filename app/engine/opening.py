"""From the folder of a version to what draws it: read, checked, calibrated. Knows no queue and no HTTP.

Runs where the forward passes run; what the rest of the service needs to know of it are Facts, which can be sent.
"""

from pathlib import Path

import torch
from torch import nn

from app.engine.batch import Facts, PrecisionChoice
from app.engine.calibration import Calibration, CalibrationBatch, calibrate, make_batch
from app.engine.forward import Forward, give_back_gpu
from core.errors import StoreDamaged
from core.registry import VersionManifest
from models.weights import is_finite, load_version


def open_folder(
    folder: Path, manifest: VersionManifest, device: torch.device, choice: PrecisionChoice
) -> tuple[Forward, Facts]:
    generator, config = load_version(folder, manifest)
    if not is_finite(generator):
        raise StoreDamaged("its weights are not finite numbers")
    probe = make_batch(config.image_size**2 * config.channels, config.latent_dim, config.num_classes)
    calibration = calibrate(generator, device, probe, choice)
    if _is_constant(calibration, probe):
        raise StoreDamaged("it draws the same picture for every seed")
    give_back_gpu(device)  # what was tried and is not kept
    build = f"torch {torch.__version__} {_device_class(device)} {calibration.precision}"
    facts = Facts(
        "cuda" if device.type == "cuda" else "cpu",
        calibration.precision,
        calibration.seconds,
        _nbytes(generator) + calibration.forward.beside,
        build,
    )
    return calibration.forward, facts


def _is_constant(calibration: Calibration, probe: CalibrationBatch) -> bool:
    images = probe.draw(calibration.forward, calibration.buckets[-1])  # in as few batches as it gets
    return bool((images == images[:1]).all())


def _nbytes(network: nn.Module) -> int:
    return sum(tensor.nbytes for tensor in network.state_dict().values())


def _device_class(device: torch.device) -> str:
    """Name what may draw other bytes: the instruction set of a CPU, the kind of a GPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"cpu {torch.backends.cpu.get_cpu_capability()}"
