"""The table of recipes. Each is one row of data, and a combination that has been proven. Knows no loop and no request.

How a row and a request become the numbers of a run: models/resolution.py. docs/recipes.md is made from this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from core.resolved import Conditioning

Rates = tuple[float, float]  # of Adam: generator, discriminator (of a VAE: the encoder)


@dataclass(frozen=True, kw_only=True, slots=True)
class Networks:
    """What is other than in the row of a recipe where other networks are asked for."""

    architecture: str
    learning_rates: Rates
    batch_size: int
    width: int
    gpu_width: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Architecture, objective, regulariser, optimiser, schedule; what it is, where it is from, what to expect of it.

    conditional: None: where the dataset has labels, unless the request says no.
    conditioning: how the discriminator learns of the label, if there is one.
    regulariser: of the discriminator; its weight is `penalty_weight`, "rule": size^3 / (512 * batch).
    penalty_every: updates from one with the penalty to the next (lazy regularisation of StyleGAN2, Karras et al. 2020,
    arXiv 1912.04958).
    mode_seeking: weight of worker/training/regularisers.py's term for the generator.
    depth: of the architecture dcgan, see models/dcgan.py.
    width, gpu_width: feature maps at the coarsest level on a CPU, and on a GPU.
    networks: by `architecture` of a request those that are not the row's own; none: there is no choice.
    """

    what: str
    source: str
    expect: str
    architecture: str
    objective: str
    conditional: bool | None
    conditioning: Conditioning = "concat"
    regulariser: Literal["none", "gradient_penalty", "r1_r2", "spectral_norm"] = "none"
    penalty_weight: float | Literal["rule"] | None = None
    penalty_every: int = 1
    mode_seeking: float = 0.0
    n_critic: int = 1
    learning_rates: Rates = (2e-4, 2e-4)
    betas: tuple[float, float] = (0.5, 0.999)
    lr_schedule: Literal["constant", "linear", "cosine"] = "constant"
    annealing: Literal["none", "cosine"] = "none"
    batch_size: int = 64
    latent_dim: int = 64  # where there are labels, the label's embedding is as long again
    depth: int = 0
    width: int = 256
    gpu_width: int = 1024
    networks: Mapping[str, Networks] = field(default_factory=dict)


# The discriminator twice as fast: Heusel et al. 2017, arXiv 1706.08500. With 2e-4 for both, as in the paper of DCGAN,
# a cgan of 1,200 steps has 88 % of its digits right instead of 95 %.
TWO_TIME_SCALES: Rates = (4e-4, 8e-4)

RECIPES = {
    "gan": Recipe(
        what="fully connected networks, binary cross-entropy",
        source="Goodfellow et al. 2014, arXiv 1406.2661",
        expect="Digits with specks in a minute. Nothing in it knows that pixels have neighbours: for small pictures.",
        architecture="mlp",
        objective="non_saturating",
        conditional=False,
        latent_dim=100,
        width=1024,
    ),
    "dcgan": Recipe(
        what="convolutional networks, binary cross-entropy",
        source="Radford et al. 2015, arXiv 1511.06434",
        expect="The usual beginning where there are no labels. Nothing keeps the discriminator in check: at some point "
        "of a long run pictures get worse, so keep the best version, not the last.",
        architecture="dcgan",
        objective="non_saturating",
        conditional=False,
        learning_rates=(2e-4, 4e-4),
        batch_size=16,
        latent_dim=100,
        depth=1,
    ),
    "cgan": Recipe(
        what="dcgan, the label fed to both networks",
        source="Mirza & Osindero 2014, arXiv 1411.1784",
        expect="The usual beginning where there are labels. After 60,000 images nine digits of ten are right.",
        architecture="dcgan",
        objective="non_saturating",
        conditional=True,
        learning_rates=TWO_TIME_SCALES,
    ),
    "lsgan": Recipe(
        what="dcgan's networks, least squares",
        source="Mao et al. 2017, arXiv 1611.04076",
        expect="As dcgan and cgan, with gradients also from fakes that fool the discriminator. Long runs get worse as "
        "theirs do.",
        architecture="dcgan",
        objective="least_squares",
        conditional=None,
        learning_rates=TWO_TIME_SCALES,
    ),
    "acgan": Recipe(
        what="dcgan's networks; the discriminator is not told the class but names it",
        source="Odena et al. 2017, arXiv 1610.09585",
        expect="Pictures typical of their class, and alike: what the classifier finds hard is not drawn. With many "
        "classes it collapses early.",
        architecture="dcgan",
        objective="non_saturating",
        conditional=True,
        conditioning="classifier",
        learning_rates=TWO_TIME_SCALES,
    ),
    "wgan-gp": Recipe(
        what="dcgan's networks, Wasserstein distance, gradient penalty",
        source="Gulrajani et al. 2017, arXiv 1704.00028; rates: Heusel et al. 2017, arXiv 1706.08500",
        expect="Classes come early: after 25,000 images two digits of three are right. In the place of the paper's "
        "five updates of the critic for each of the generator there is one, at twice its rate. The negative d_loss "
        "falls as pictures get better, which no other loss here does.",
        architecture="dcgan",
        objective="wasserstein",
        conditional=None,
        regulariser="gradient_penalty",
        penalty_weight=10.0,
        learning_rates=(5e-4, 1e-3),
        betas=(0.0, 0.9),
        lr_schedule="linear",
    ),
    "sngan": Recipe(
        what="residual networks, hinge, spectral norm; with labels conditional batch norm and projection",
        source="Miyato et al. 2018, arXiv 1802.05957; Miyato & Koyama 2018, arXiv 1802.05637",
        expect="It needs steps more than pictures, so its batches are small. The classes come "
        "late, then at once: three digits of ten are right after 10,000 images, 99 of 100 after 40,000. The starter "
        "`digits` was made with it.",
        architecture="resnet",
        objective="hinge",
        conditional=None,
        conditioning="projection",
        regulariser="spectral_norm",
        learning_rates=(5e-4, 2e-4),
        lr_schedule="linear",
        batch_size=16,
        latent_dim=128,
        width=128,
    ),
    "r3gan": Recipe(
        what="residual networks without norms, relativistic loss, R1 and R2",
        source="Huang et al. 2024, arXiv 2501.05441",
        expect="By its paper the best here at covering all of a dataset, if it has the time: for a GPU, and long runs: "
        "on a CPU nine digits of ten are right after 40,000 images with penalty_weight 1, three of four with the "
        "rule's 2.7. penalty_weight is its most important number. The rule gives what the paper has for FFHQ (2 at 64 "
        "px; at 256 px 128, the paper 150), more than it has for CIFAR-10 (0.125, the paper 0.05), and a fraction of "
        "what it has for ImageNet in batches of 4,096 (at 32 px 0.016, the paper 0.5).",
        architecture="r3gan",
        objective="relativistic",
        conditional=None,
        conditioning="projection",
        regulariser="r1_r2",
        penalty_weight="rule",
        learning_rates=(3e-4, 3e-4),
        betas=(0.0, 0.99),
        lr_schedule="cosine",
        batch_size=16,
        width=64,
        gpu_width=768,
    ),
    "rpgan": Recipe(
        what="dcgan's networks, relativistic loss, R1 and R2 now and then; with labels projection and mode seeking",
        source="Jolicoeur-Martineau 2018, arXiv 1807.00734; Huang et al. 2024, arXiv 2501.05441; Miyato & Koyama 2018, "
        "arXiv 1802.05637; Mao et al. 2019, arXiv 1903.05628",
        expect="Many pictures of each class where others draw one. Of 64 px in colour nearly all are as asked after "
        "25,000 images, seven minutes of one core, and recall is 0.33 (docs/decisions/0008).",
        architecture="dcgan",
        objective="relativistic",
        conditional=None,
        conditioning="projection",
        regulariser="r1_r2",
        penalty_weight=4.0,
        penalty_every=4,
        mode_seeking=1.0,
        learning_rates=(4e-4, 4e-4),
        betas=(0.0, 0.99),
        lr_schedule="linear",
        batch_size=32,
    ),
    "completion": Recipe(
        what="completes pictures: a U-Net fills holes, dcgan's discriminator sees them filled",
        source="Pathak et al. 2016, arXiv 1604.07379; Yu et al. 2019, arXiv 1806.03589; Salimans et al. 2016, arXiv "
        "1606.03498",
        expect="Not for /generate but for /complete: versions fill the hole of a picture that is sent. It learns from "
        "boxes, strokes and half planes of a tenth to six tenths of the picture. hole_l1 falls from the first step on; "
        "what is drawn gets sharp later.",
        architecture="unet",
        objective="hinge",
        conditional=None,
        conditioning="projection",
        regulariser="spectral_norm",
        learning_rates=(5e-4, 2e-4),
        lr_schedule="linear",
        batch_size=32,
        latent_dim=32,
        width=128,
        gpu_width=256,
    ),
    "ssgan": Recipe(
        what="learns to classify, from pictures without labels too: the discriminator names the class or says drawn, "
        "the generator matches its features",
        source="Salimans et al. 2016, arXiv 1606.03498",
        expect="Not for /generate but for /classify: what is published is the discriminator. With labels_per_class it "
        "learns from a few labels, and from all other pictures without theirs; its numbers tell what the same network "
        "makes of those labels alone. Networks are those of the paper, mlp, or with `architecture` dcgan's. What the "
        "generator draws is no use: a good classifier wants it off the mark.",
        architecture="mlp-classifier",
        objective="semi_supervised",
        conditional=True,
        conditioning="classifier",
        learning_rates=(1e-3, 1e-3),
        lr_schedule="linear",
        batch_size=100,
        latent_dim=100,
        width=1000,
        gpu_width=1000,
        networks={
            "dcgan": Networks(
                architecture="dcgan-classifier",
                learning_rates=(3e-4, 3e-4),
                batch_size=64,
                width=256,
                gpu_width=512,
            )
        },
    ),
    "vae": Recipe(
        what="dcgan's networks as encoder and decoder: no game, one loss",
        source="Kingma & Welling 2014, arXiv 1312.6114",
        expect="Blurred pictures of every class within a minute, and a loss that means something. The contrast, and a "
        "strong one where a classifier reads digits: blur costs little there.",
        architecture="dcgan",
        objective="evidence",
        conditional=None,
        learning_rates=(1e-3, 1e-3),
        betas=(0.9, 0.999),
        latent_dim=32,
        gpu_width=256,
    ),
}
