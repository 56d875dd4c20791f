"""What holds for every architecture and every way to tell a discriminator of the label."""

import pytest
import torch
from torch import Tensor, nn

from core.resolved import Conditioning
from models.architectures import ARCHITECTURES, CLASSIFIERS
from models.discriminator import HEADS, Discriminator, DiscriminatorOutput
from models.sizes import CONFIGS, Sizes

SIZES = [16, 32, 64, 128, 256, 28, 56, 112, 224]


def config(architecture: str, size: int = 16, channels: int = 1, classes: int = 0) -> Sizes:
    sizes: Sizes = CONFIGS[architecture](
        image_size=size, channels=channels, latent_dim=5, width=16, num_classes=classes
    )
    return sizes


def networks(
    architecture: str, conditioning: Conditioning, size: int = 16, channels: int = 1
) -> tuple[nn.Module, Discriminator]:
    """An untrained pair, of three classes if it is conditional; always the same."""
    sizes = config(architecture, size, channels, 0 if conditioning == "none" else 3)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ARCHITECTURES[architecture].generator(sizes), ARCHITECTURES[architecture].discriminator(
            sizes, conditioning
        )


def awake(network: nn.Module) -> nn.Module:
    """Weights that begin at or near zero make nearly no difference: give all of them some size."""
    source = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        with torch.no_grad():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=source))
    return network


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_networks_of_every_size_fit_together(name: str, size: int, channels: int, conditional: bool) -> None:
    conditioning: Conditioning = "concat" if conditional else "none"
    generator, discriminator = networks(name, conditioning, size, channels)
    labels = torch.tensor([0, 2]) if conditional else None

    with torch.inference_mode():
        drawn = generator(torch.randn(2, 5), labels)
        judgement = discriminator(drawn, labels)

    assert drawn.shape == (2, channels, size, size)
    assert drawn.dtype == torch.float32
    assert bool((drawn.abs() <= 1).all())
    assert judgement.score_B.shape == (2,)
    assert bool(torch.isfinite(judgement.score_B).all())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_another_label_gives_another_picture(name: str) -> None:
    generator, _ = networks(name, "concat")
    z_BZ = torch.randn(1, 5).expand(3, -1)

    with torch.inference_mode():
        drawn: Tensor = awake(generator).eval()(z_BZ, torch.tensor([0, 1, 2]))

    assert (drawn[0] - drawn[1]).abs().max() > 1e-3
    assert (drawn[1] - drawn[2]).abs().max() > 1e-3


@pytest.mark.parametrize("conditioning", ["concat", "projection"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_another_label_gives_another_score(name: str, conditioning: Conditioning) -> None:
    _, discriminator = networks(name, conditioning)
    images = torch.randn(1, 1, 16, 16).expand(3, -1, -1, -1)

    with torch.inference_mode():
        scores = awake(discriminator)(images, torch.tensor([0, 1, 2])).score_B

    assert len(set(scores.tolist())) == 3


def test_a_classifier_is_not_told_the_label_and_gives_logits() -> None:
    _, discriminator = networks("dcgan", "classifier")
    images = torch.randn(4, 1, 16, 16)

    with torch.inference_mode():
        one: DiscriminatorOutput = awake(discriminator)(images, torch.tensor([0, 1, 2, 0]))
        other: DiscriminatorOutput = discriminator(images, torch.tensor([2, 2, 2, 2]))

    assert one.class_BK is not None
    assert other.class_BK is not None
    assert one.class_BK.shape == (4, 3)
    assert torch.equal(one.score_B, other.score_B)
    assert torch.equal(one.class_BK, other.class_BK)
    # what went through a softmax adds up to one
    assert not torch.allclose(one.class_BK.sum(dim=1), torch.ones(4), atol=1e-2)


@pytest.mark.parametrize("conditioning", HEADS)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_weight_learns(name: str, conditioning: Conditioning) -> None:
    generator, discriminator = networks(name, conditioning)
    labels = None if conditioning == "none" else torch.tensor([0, 1, 2, 0])

    judgement = discriminator(generator(torch.randn(4, 5), labels), labels)
    (judgement.score_B.sum() + (0 if judgement.class_BK is None else judgement.class_BK.sum())).backward()

    parameters = {**dict(generator.named_parameters()), **dict(discriminator.named_parameters(prefix="d"))}
    assert [name for name, parameter in parameters.items() if parameter.grad is None] == []


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_no_discriminator_mixes_the_pictures_of_a_batch(name: str) -> None:
    """The gradient penalty is one of single pictures: with batch norm in the critic it would be another."""
    _, discriminator = networks(name, "none")
    images = torch.randn(8, 1, 16, 16)
    others = torch.cat([images[:1], 10 * torch.randn(7, 1, 16, 16)])
    awake(discriminator).train()

    with torch.inference_mode():
        score, beside_others = (discriminator(batch).score_B[0] for batch in (images, others))

    assert torch.allclose(score, beside_others, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_norms_have_the_usual_epsilon_and_none_is_behind_the_picture(name: str) -> None:
    """BatchNorm2d(n, 0.8), meant as a momentum, is an epsilon; and a picture is not normalised before tanh."""
    generator, _ = networks(name, "none", channels=3)
    norms = [m for m in generator.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]

    assert {norm.eps for norm in norms} <= {1e-5}
    assert not [norm for norm in norms if norm.num_features == 3]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_same_seed_of_torch_builds_the_same_networks(name: str) -> None:
    for one, other in zip(networks(name, "concat"), networks(name, "concat"), strict=True):
        assert all(map(torch.equal, one.state_dict().values(), other.state_dict().values()))


def test_the_table_of_sizes_is_of_the_same_architectures() -> None:
    assert ARCHITECTURES.keys() | CLASSIFIERS.keys() == CONFIGS.keys()
