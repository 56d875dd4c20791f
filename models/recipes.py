"""The table of recipes. Each is one row of data, and a combination that has been proven. Knows no loop and no request.

How a row and a request become the numbers of a run: models/resolution.py. docs/recipes.md is for who has to choose.
"""

from dataclasses import dataclass
from typing import Literal

from models.discriminator import Conditioning

Rates = tuple[float, float]  # of Adam: generator, discriminator


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Architecture, objective, regulariser, optimiser, schedule.

    conditional: None: where the dataset has labels, unless the request says no.
    conditioning: how the discriminator learns of the label, if there is one.
    regulariser: of the discriminator; its weight is `penalty_weight`, "rule": 0.0002 * size^2 / batch (StyleGAN2-ADA).
    width, gpu_width: feature maps at the coarsest level on a CPU, and on a GPU.
    """

    architecture: str
    objective: str
    conditional: bool | None
    source: str
    conditioning: Conditioning = "concat"
    regulariser: Literal["none", "gradient_penalty", "r1_r2", "spectral_norm"] = "none"
    penalty_weight: float | Literal["rule"] | None = None
    n_critic: int = 1
    learning_rates: Rates = (2e-4, 2e-4)
    betas: tuple[float, float] = (0.5, 0.999)
    lr_schedule: str = "constant"
    batch_size: int = 64
    latent_dim: int = 100
    width: int = 256
    gpu_width: int = 1024


RECIPES = {
    "dcgan": Recipe(
        architecture="dcgan",
        objective="non_saturating",
        conditional=False,
        source="Radford et al. 2015, arXiv 1511.06434",
    ),
    "cgan": Recipe(
        architecture="dcgan",
        objective="non_saturating",
        conditional=True,
        source="Mirza & Osindero 2014, arXiv 1411.1784",
        latent_dim=64,  # the label's embedding is as long again
    ),
    "lsgan": Recipe(
        architecture="dcgan",
        objective="least_squares",
        conditional=None,
        source="Mao et al. 2017, arXiv 1611.04076",
        latent_dim=64,
    ),
    "acgan": Recipe(
        architecture="dcgan",
        objective="non_saturating",
        conditional=True,
        conditioning="classifier",
        source="Odena et al. 2017, arXiv 1610.09585",
        latent_dim=64,
    ),
    "wgan-gp": Recipe(
        architecture="dcgan",
        objective="wasserstein",
        conditional=None,
        regulariser="gradient_penalty",
        penalty_weight=10.0,
        n_critic=5,
        source="Gulrajani et al. 2017, arXiv 1704.00028",
        learning_rates=(1e-4, 1e-4),
        betas=(0.0, 0.9),
        latent_dim=64,
    ),
}
