"""The five numbers that every pair of networks is built from, and the sizes of pictures there can be.

Knows no network.
"""

from dataclasses import dataclass

from core.images import base_size

NARROWEST = 16  # feature maps
LIMITS = {"channels": (1, 4), "latent_dim": (1, 1024), "width": (NARROWEST, 1024), "num_classes": (0, 1000)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """Sizes of a generator and of what it learns from.

    `image_size` is 4 * 2^k or 7 * 2^k pixels, `width` the feature maps at the coarsest level, halved with each doubling
    of the size; `num_classes` 0 means unconditional.
    """

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

    revision: int = 1

    def __post_init__(self) -> None:
        super(RevisedSizes, self).__post_init__()  # named: with slots the class is made twice
        if self.revision not in (1, 2):
            raise ValueError(f"revision must be 1 or 2, got {self.revision}")
