"""The numbers that networks are built from: five that all have, and what an architecture has beside them.

Knows no network, and loads no torch: who only looks at sizes needs neither.
"""

from dataclasses import dataclass
from typing import ClassVar

from core.media.images import base_size
from ganymede.schemas.tasks import VersionTask

NARROWEST = 16  # feature maps
DEEPEST = 4  # convolutions at each size of dcgan
WIDE = 256  # feature maps of r3gan from which it has two blocks a level
FEWEST_CLASSES = 2  # of a classifier
LIMITS = {"channels": (1, 4), "latent_dim": (1, 1024), "width": (NARROWEST, 1024), "num_classes": (0, 1000)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """Sizes of a generator and of what it learns from.

    `image_size` is 4 * 2^k or 7 * 2^k pixels, `width` the feature maps at the coarsest level, halved with each doubling
    of the size; `num_classes` 0 means unconditional.

    NEWEST: the revision of the architecture that a new run gets; older ones are for what was trained with them.
    TASK: what versions of the architecture are for.
    """

    NEWEST: ClassVar[int] = 1
    TASK: ClassVar[VersionTask] = VersionTask.GENERATION

    image_size: int
    channels: int
    latent_dim: int
    width: int
    num_classes: int

    def __post_init__(self) -> None:
        if base_size(self.image_size) is None:
            raise ValueError(f"image_size must be 8 to 512 and 4 * 2^k or 7 * 2^k, got {self.image_size}")
        for field, (least, most) in LIMITS.items():
            if not least <= getattr(self, field) <= most:
                raise ValueError(f"{field} must be {least} to {most}, got {getattr(self, field)}")

    @property
    def base(self) -> int:
        """4 or 7: pixels a side before the first doubling."""
        base = base_size(self.image_size)
        assert base is not None
        return base

    @property
    def doublings(self) -> int:
        return (self.image_size // self.base).bit_length() - 1

    @property
    def pixels(self) -> int:
        """Numbers in a picture."""
        return self.channels * self.image_size**2

    @property
    def widths(self) -> list[int]:
        """Feature maps from the coarsest level to the finest; 28 px and width 128: [128, 64, 32]."""
        return [self.width_at(level) for level in range(self.doublings + 1)]

    def width_at(self, level: int) -> int:
        """Feature maps after `level` doublings of the coarsest."""
        return max(self.width >> level, NARROWEST)


@dataclass(frozen=True, kw_only=True, slots=True)
class RevisedSizes(Sizes):
    """Sizes of an architecture that was corrected: old weights go on as before.

    revision: 1 is the first, and what stored sizes without one mean.
    """

    NEWEST: ClassVar[int] = 2

    revision: int = 1

    def __post_init__(self) -> None:
        super(RevisedSizes, self).__post_init__()  # named: with slots the class is made twice
        if self.revision not in (1, 2):
            raise ValueError(f"revision must be 1 or 2, got {self.revision}")


class MLPConfig(Sizes):
    """The sizes; `width` is that of the widest hidden layer."""

    __slots__ = ()

    @property
    def widths(self) -> list[int]:
        """Of the generator's hidden layers; width 1024: [128, 256, 512, 1024]."""
        return [max(self.width >> level, NARROWEST) for level in (3, 2, 1, 0)]


@dataclass(frozen=True, kw_only=True, slots=True)
class DCGANConfig(Sizes):
    """The sizes, the feature maps that follow from them, and how much is drawn at each size.

    depth: 3x3 convolutions of the generator at each size before it is doubled; 0 is what all had at first.
    """

    depth: int = 0

    def __post_init__(self) -> None:
        super(DCGANConfig, self).__post_init__()  # named: with slots the class is made twice
        if not 0 <= self.depth <= DEEPEST:
            raise ValueError(f"depth must be 0 to {DEEPEST}, got {self.depth}")

    @property
    def generator_widths(self) -> list[int]:
        """Feature maps before each upsampling; 32 px and width 256: [256, 128, 64], the last step gives the image."""
        return self.widths[:-1]

    @property
    def discriminator_widths(self) -> list[int]:
        """Feature maps after each halving, down to 3 or 4 px; 28 and 32 px and width 256: [64, 128, 256]."""
        halvings = (self.image_size // 4).bit_length() - (self.image_size % 7 != 0)
        return [self.width_at(level) for level in reversed(range(halvings))]


class ResNetConfig(Sizes):
    """The sizes."""

    __slots__ = ()


class R3GANConfig(RevisedSizes):
    """The sizes, and the feature maps that follow from them."""

    __slots__ = ()

    @property
    def blocks(self) -> int:
        """Blocks a level: two, as in the paper, or one for narrow networks, which are meant for a CPU."""
        return 2 if self.width >= WIDE else 1


class UNetConfig(DCGANConfig):
    """The sizes; the discriminator is dcgan's."""

    __slots__ = ()
    TASK: ClassVar[VersionTask] = VersionTask.COMPLETION


class MLPClassifierConfig(Sizes):
    """The sizes of models/classifier.py: `width` is that of the widest hidden layer."""

    __slots__ = ()
    TASK: ClassVar[VersionTask] = VersionTask.CLASSIFICATION

    def __post_init__(self) -> None:
        super().__post_init__()
        check_classes(self.num_classes)

    @property
    def hidden(self) -> list[int]:
        """Of the classifier; width 1000: [1000, 500, 250, 250, 250]."""
        return [max(self.width >> level, NARROWEST) for level in (0, 1, 2, 2, 2)]

    @property
    def generator_width(self) -> int:
        """Of both hidden layers of the generator."""
        return max(self.width >> 1, NARROWEST)


class DCGANClassifierConfig(DCGANConfig):
    """The sizes; trunk and generator are dcgan's."""

    __slots__ = ()
    TASK: ClassVar[VersionTask] = VersionTask.CLASSIFICATION

    def __post_init__(self) -> None:
        super().__post_init__()
        check_classes(self.num_classes)


def check_classes(num_classes: int) -> None:
    if num_classes < FEWEST_CLASSES:
        raise ValueError(f"num_classes must be {FEWEST_CLASSES} at least, got {num_classes}")


CONFIGS: dict[str, type[Sizes]] = {
    "mlp": MLPConfig,
    "dcgan": DCGANConfig,
    "resnet": ResNetConfig,
    "r3gan": R3GANConfig,
    "unet": UNetConfig,
    "mlp-classifier": MLPClassifierConfig,
    "dcgan-classifier": DCGANClassifierConfig,
}
