"""A generator's floats to pixels, a classifier's logits, and the sheet by which a run is watched. Knows no HTTP.

Shape suffixes: B and N images, K classes, Z latent, C channels, H height, W width.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from core.media.images import Images, contact_sheet
from ganymede.schemas.tasks import VersionTask
from models.noise import default_labels, draw_noise
from models.sizes import Sizes
from models.subjects import Subjects, of_noise

GRID_SIDE = 8  # the grid of a run has 8 rows; of 8 columns, or one a class where there are 2 to 10


def to_uint8(image_BCHW: Tensor) -> Tensor:
    """Convert [-1, 1] to 0 ... 255, rounded half to even; (B, C, H, W) to (B, H, W, C)."""
    scaled = image_BCHW.float().add(1).mul(127.5).round_().clamp_(0, 255)
    return scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def draw(
    generator: nn.Module,
    seeds: Sequence[int],
    latent_dim: int,
    num_classes: int,
    batch: int = 64,
    labels: Sequence[int] | None = None,
    subjects: Subjects | None = None,
) -> Images:
    """Draw pictures of `seeds` (B, H, W, C), in batches, on the network's device.

    labels: default, those of seeds. subjects: what a network that completes is shown; default, nothing.
    """
    labels = default_labels(seeds, num_classes) if labels is None and num_classes else labels
    device = next(generator.parameters()).device
    drawn = []
    with torch.inference_mode():
        for start in range(0, len(seeds), batch):
            part = seeds[start : start + batch]
            z_BZ = torch.from_numpy(draw_noise(part, latent_dim)).to(device)
            asked = None if labels is None else labels[start : start + batch]
            label_B = None if asked is None else torch.tensor(asked, device=device)
            shown = () if subjects is None else (torch.from_numpy(subjects.holed(part, asked)).to(device),)
            drawn.append(to_uint8(generator(z_BZ, label_B, *shown)).cpu())
    images: Images = torch.cat(drawn).numpy()
    return images


def read(classifier: nn.Module, images_NHWC: Images, batch: int = 256) -> npt.NDArray[np.float32]:
    """Return the logits (N, K) of pictures, read in batches on the network's device."""
    device, logits = next(classifier.parameters()).device, []
    with torch.inference_mode():
        for start in range(0, len(images_NHWC), batch):
            part = np.ascontiguousarray(images_NHWC[start : start + batch])
            logits.append(classifier(torch.from_numpy(part).to(device)).cpu())
    logits_NK: npt.NDArray[np.float32] = torch.cat(logits).numpy()
    return logits_NK


def is_constant(network: nn.Module, config: Sizes, classes: Sequence[int] | None = None) -> bool:
    """Return whether a network draws the same for every seed, or reads every picture as the same."""
    subjects = of_noise(config)
    if config.TASK is VersionTask.CLASSIFICATION:
        assert subjects is not None
        given = read(network, subjects.images_NHWC)
        return bool((given == given[:1]).all())
    drawn = draw_samples(network, config.latent_dim, config.num_classes, classes, subjects)
    return bool((drawn == drawn[:1]).all())


def sheet(
    network: nn.Module, config: Sizes, classes: Sequence[int] | None = None, subjects: Subjects | None = None
) -> Images:
    """Return the picture (H, W, C) by which a run or a version is watched: the fixed grid, or what is read of pictures.

    classes: those drawn unasked. subjects: what a network that takes pictures is shown; default, noise or nothing.
    """
    if config.TASK is not VersionTask.CLASSIFICATION:
        return draw_grid(network, config.latent_dim, config.num_classes, classes, subjects)
    shown = subjects or of_noise(config)
    assert shown is not None
    named_N = read(network, shown.images_NHWC).argmax(axis=1)
    return contact_sheet(shown.images_NHWC[np.argsort(named_N, kind="stable")], GRID_SIDE)  # by the class it named


def draw_grid(
    generator: nn.Module,
    latent_dim: int,
    num_classes: int,
    classes: Sequence[int] | None = None,
    subjects: Subjects | None = None,
) -> Images:
    """Draw the fixed grid as one picture (H, W, C); classes: those drawn unasked, default all.

    With subjects each place has three pictures: a real one, the same with its hole, and completed.
    """
    drawn = draw_samples(generator, latent_dim, num_classes, classes, subjects)
    columns = len(drawn) // GRID_SIDE
    if subjects is None:
        return contact_sheet(drawn, columns)
    seeds, labels = _grid(num_classes, classes)
    beside = np.stack([*subjects.shown(seeds, labels), drawn], axis=1)
    return contact_sheet(beside.reshape(-1, *drawn.shape[1:]), 3 * columns)


def draw_samples(
    generator: nn.Module,
    latent_dim: int,
    num_classes: int,
    classes: Sequence[int] | None = None,
    subjects: Subjects | None = None,
) -> Images:
    """Draw the pictures of the fixed grid (B, H, W, C)."""
    seeds, labels = _grid(num_classes, classes)
    return draw(generator, seeds, latent_dim, num_classes, labels=labels, subjects=subjects)


def _grid(num_classes: int, classes: Sequence[int] | None) -> tuple[range, list[int] | None]:
    """Return seeds and labels of the fixed grid."""
    seeds = grid_seeds(len(classes) if classes and num_classes else num_classes)
    return seeds, default_labels(seeds, num_classes, classes) if num_classes else None


def grid_seeds(num_classes: int) -> range:
    """Return seeds 0, 1, ... of the fixed grid, in which every column is one class."""
    return range(GRID_SIDE * (num_classes if 2 <= num_classes <= 10 else GRID_SIDE))
