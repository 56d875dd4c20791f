"""One step of a variational autoencoder: encoder and decoder learn from one loss. Knows no files, no hooks, no end.

Kingma & Welling 2014, arXiv 1312.6114. The decoder is a generator as any other.

Shape suffixes: B batch, Z latent, P pixels of a picture, C channels, H height, W width.
"""

import math
from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

from models.encoder import Posterior
from worker.training.batches import Batches
from worker.training.randomness import Purpose
from worker.training.state import Reported, TrainState, descend

Likelihood = Callable[[Tensor, Tensor], Tensor]


class Variational:
    """`likelihood`: the negative log-likelihood (B,) in nats of pixels (B, P), given what comes before tanh."""

    def __init__(self, likelihood: Likelihood) -> None:
        self.likelihood = likelihood

    def step(self, state: TrainState, batches: Batches) -> Reported:
        """The loss is the negative evidence lower bound, in nats a picture."""
        real_BCHW, label_B = state.take(batches)
        with state.execution.autocast():
            posterior: Posterior = state.counterpart(real_BCHW, label_B)
            z_BZ = sampled(posterior, state.noise(len(real_BCHW), purpose=Purpose.POSTERIOR))
            drawn_BCHW = state.generator.before_tanh(z_BZ, label_B)  # type: ignore[operator]
        reconstruction = self.likelihood(drawn_BCHW.flatten(1), real_BCHW.flatten(1)).mean()
        divergence = divergence_from_normal(posterior).mean()
        loss = reconstruction + divergence
        g_gradient, d_gradient = descend(state, loss, state.generator_optimizer, state.counterpart_optimizer)
        reported = {"loss": loss, "reconstruction": reconstruction, "divergence": divergence}
        return reported | {"g_gradient": g_gradient, "d_gradient": d_gradient}


def sampled(posterior: Posterior, epsilon_BZ: Tensor) -> Tensor:
    """Sample noise (B, Z) of each posterior, as a function of mean and variance."""
    return posterior.mean_BZ + (0.5 * posterior.log_variance_BZ).exp() * epsilon_BZ


def divergence_from_normal(posterior: Posterior) -> Tensor:
    """Return KL(posterior || N(0, 1)), (B,), in closed form: Kingma & Welling, appendix B."""
    mean_BZ, log_variance_BZ = posterior
    return 0.5 * (mean_BZ.square() + log_variance_BZ.exp() - 1 - log_variance_BZ).sum(dim=1)


def bernoulli(before_tanh_BP: Tensor, real_BP: Tensor) -> Tensor:
    """Treat a pixel as the probability of white. (tanh(x) + 1) / 2 = sigmoid(2x), so 2x is its logit."""
    return F.binary_cross_entropy_with_logits(2 * before_tanh_BP, (real_BP + 1) / 2, reduction="none").sum(dim=1)


def gaussian(before_tanh_BP: Tensor, real_BP: Tensor) -> Tensor:
    """Use one variance for all pixels, the best for this batch: Rybkin et al. 2021, arXiv 2006.13202."""
    error_BP = (before_tanh_BP.tanh() - real_BP).square()
    variance = error_BP.mean().clamp(min=1e-6)
    return 0.5 * (error_BP / variance + variance.log() + math.log(2 * math.pi)).sum(dim=1)


LIKELIHOODS: dict[str, Likelihood] = {"bernoulli": bernoulli, "gaussian": gaussian}
