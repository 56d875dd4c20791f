"""From the folder of a version to what draws it: read, checked, calibrated. Knows no queue and no HTTP.

Runs where the forward passes run; what the rest of the service needs to know of it are Facts, which can be sent.

Shape suffixes: B images of a batch, H height, W width, C channels, A = C + 1 of a picture with a hole.
"""

from pathlib import Path
from typing import Any

import torch

from app.engine.batch import Facts, Given, PrecisionChoice, Rows
from app.engine.calibration import calibrate, draw_all, trial_pictures, trial_rows
from app.engine.forward import Forward, give_back_gpu
from core.errors import ModelCollapsed, StoreDamaged
from core.registry import VersionManifest
from ganymede.schemas.tasks import VersionTask
from models.subjects import of_noise
from models.weights import is_finite, load_version


def open_folder(
    folder: Path, manifest: VersionManifest, device: torch.device, choice: PrecisionChoice
) -> tuple[Forward, Facts]:
    generator, config = load_version(folder, manifest)
    if not is_finite(generator):
        raise StoreDamaged("its weights are not finite numbers")
    trial = _trial(config)
    calibration = calibrate(generator, device, trial, choice)
    given = draw_all(trial, calibration.forward, calibration.buckets[-1])  # in as few batches as it gets
    if _is_constant(given, trial):
        why = "reads every picture as the same" if trial.are_pictures else "draws the same picture for every seed"
        raise ModelCollapsed(f"it {why}")
    give_back_gpu(device)  # what was tried and is not kept
    on_gpu = device.type == "cuda"
    # What may draw other bytes: the instruction set of a CPU, the kind of a GPU.
    kind = torch.cuda.get_device_name(device) if on_gpu else f"cpu {torch.backends.cpu.get_cpu_capability()}"
    facts = Facts(
        "cuda" if on_gpu else "cpu",
        calibration.precision,
        calibration.seconds,
        sum(tensor.nbytes for tensor in generator.state_dict().values()) + calibration.forward.beside,
        f"torch {torch.__version__} {kind} {calibration.precision}",
    )
    return calibration.forward, facts


def _trial(config: Any) -> Rows:
    pixels, subjects = config.image_size**2 * config.channels, of_noise(config)
    if config.TASK is VersionTask.CLASSIFICATION:
        assert subjects is not None
        return trial_pictures(pixels, subjects)
    return trial_rows(pixels, config.latent_dim, config.num_classes, subjects)


def _is_constant(given: Given, trial: Rows) -> bool:
    """Return whether all pictures are the same, or all holes are filled with one colour, or all numbers equal."""
    picture_BHWA = None if trial.are_pictures else trial.tensors.get("picture")
    drawn = given if picture_BHWA is None else given[picture_BHWA[..., -1] == 0]
    return bool((drawn == drawn[:1]).all())
