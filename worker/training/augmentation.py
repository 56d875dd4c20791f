"""What keeps a discriminator from learning few pictures by heart: it only ever sees them changed at random.

DiffAugment (Zhao et al. 2020, arXiv 2006.10738) changes every picture. ADA (Karras et al. 2020, arXiv 2006.06676)
changes each with a probability p, which rises while the discriminator is too sure of real pictures. Reals and fakes go
through the same changes, so the generator need not learn them. Every change can be differentiated twice by the picture.

Of ADA's changes small pictures get translations, geometry and colour: each helps (their figure 4), while its filters
and noise would hide what a few pixels show. Left out, because a 6 would become a 9 and black white: turns by more than
30 degrees and negatives; flips are there for whoever asks. Pictures are sampled bilinearly, without ADA's filters.

Knows no network and no run. What adapts is three numbers that the caller keeps: p, and a sum and a count for r_t.

Shape suffixes: B batch, C channels, H height, W width, P pixels of a plane.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from core.resolved import ADA, DIFFAUGMENT, ResolvedConfig
from worker.training.distributed import World
from worker.training.randomness import Draws

TARGET = 0.6  # of r_t, the mean sign of the scores of real pictures
MOST = 0.8  # of p: beyond it changes begin to show in what the generator draws (Karras et al., section 2.2)
BATCHES_PER_CHANGE = 4  # of p
SHIFT = 0.125  # of a side
CUT = 0.5  # of a side
TURN = math.pi / 6
GREY = 0.0
SILENCE = -1.0  # of a spectrogram

Transform = Callable[[Tensor, Tensor, Draws], Tensor]
"""Pictures (B, C, H, W) about [-1, 1], p, a source of numbers: pictures, each changed with probability p."""


class Augmentation:
    """Transforms in sequence, each picture by itself, and the rule that leads p."""

    def __init__(self, transforms: Sequence[Transform] = (), p: float = 0.0, ramp: int | None = None) -> None:
        """ramp: after so many images of an overfitting discriminator p would have risen by 1; None: p stays."""
        self.transforms, self.p, self.ramp = transforms, p, ramp

    def begin(self, device: torch.device) -> Tensor:
        """Return what is kept, (3,): p, and since its last change the sum of signs and their number."""
        return torch.tensor([self.p, 0.0, 0.0], device=device)

    def __call__(self, images_BCHW: Tensor, kept_3: Tensor, source: Draws) -> Tensor:
        """Return the pictures as the discriminator sees them; unchanged to the bit where p is 0."""
        for transform in self.transforms:
            images_BCHW = transform(images_BCHW, kept_3[0], source)
        return images_BCHW

    @torch.no_grad()
    def lead(self, kept_3: Tensor, sign_B: Tensor, world: World) -> Tensor | None:
        """Learn from all processes' signs of reals; return p, or None if it stays. Never waits for the device."""
        if self.ramp is None:
            return None
        p, total, count = kept_3.unbind()
        mean, batch_size = sign_B.sum(), len(sign_B) * world.size
        world.average([mean])  # over the processes
        total, count = total + mean * world.size, count + batch_size
        is_due = count >= BATCHES_PER_CHANGE * batch_size
        change = (total / count - TARGET).sign() * (count / self.ramp)
        p = torch.where(is_due, (p + change).clamp(0.0, MOST), p)
        kept_3.copy_(torch.stack([p, *(torch.where(is_due, 0.0, number) for number in (total, count))]))
        return p


def augmentation_of(resolved: ResolvedConfig) -> Augmentation:
    kind = resolved.augment
    if kind == "none":
        return Augmentation()
    transforms = [TRANSFORMS[kind][name] for name in resolved.augment_policy]
    return (
        Augmentation(transforms, p=1.0) if kind == DIFFAUGMENT else Augmentation(transforms, ramp=resolved.augment_ramp)
    )


# ---- the numbers ---------------------------------------------------------------------------------------------------


def _uniform(like_BCHW: Tensor, source: Draws) -> Tensor:
    """Draw U(0, 1) for each picture, (B,)."""
    return source.uniform(len(like_BCHW), dtype=like_BCHW.dtype)


def _normal(like_BCHW: Tensor, source: Draws) -> Tensor:
    """Draw N(0, 1) for each picture, (B,)."""
    return source.normal(len(like_BCHW), dtype=like_BCHW.dtype)


def _between(low: float, high: float, like_BCHW: Tensor, source: Draws) -> Tensor:
    return low + (high - low) * _uniform(like_BCHW, source)


def _chosen(like_BCHW: Tensor, p: Tensor, source: Draws) -> Tensor:
    """Choose the pictures to change, (B, 1, 1, 1)."""
    return _planes(_uniform(like_BCHW, source) < p)


def _planes(number_B: Tensor) -> Tensor:
    return number_B.view(-1, 1, 1, 1)


# ---- where pixels are ----------------------------------------------------------------------------------------------


def flip(images_BCHW: Tensor, p: Tensor, source: Draws) -> Tensor:
    """Flip every second chosen picture."""
    is_chosen = _chosen(images_BCHW, p / 2, source)
    return torch.where(is_chosen, images_BCHW.flip(3), images_BCHW)


def shift_into_grey(images_BCHW: Tensor, p: Tensor, source: Draws) -> Tensor:
    """By whole pixels, up to an eighth of a side; what comes in is grey: DiffAugment's translation."""
    height, width = images_BCHW.shape[2:]
    reaches = [int(SHIFT * side + 0.5) + 0.5 for side in (height, width)]  # all moves are as likely
    return _shifted(images_BCHW, p, source, reaches, GREY)


def shift(images_BCHW: Tensor, p: Tensor, source: Draws) -> Tensor:
    """By whole pixels, up to an eighth of a side; what comes in is mirrored: ADA's integer translation."""
    height, width = images_BCHW.shape[2:]
    is_chosen, row_BP, column_BP = _shifted_places(images_BCHW, p, source, [SHIFT * height, SHIFT * width])
    return torch.where(
        is_chosen, _taken(images_BCHW, _mirrored(row_BP, height), _mirrored(column_BP, width)), images_BCHW
    )


def shift_in_time(images_BCHW: Tensor, p: Tensor, source: Draws) -> Tensor:
    """A spectrogram by whole columns, up to an eighth of its length; what comes in is silence."""
    return _shifted(images_BCHW, p, source, [0.0, int(SHIFT * images_BCHW.shape[3] + 0.5) + 0.5], SILENCE)


def warp(images_BCHW: Tensor, p: Tensor, source: Draws) -> Tensor:
    """Larger or smaller, turned, stretched, turned again, moved by parts of a pixel: ADA's geometry.

    Scales are 2^N(0, 0.2^2), turns up to 30 degrees, moves N(0, 0.125^2) of a side; what comes in is mirrored. Each has
    probability p; of the two turns, before and behind the stretching, at least one has (Karras et al., appendix B).
    """
    height, width = images_BCHW.shape[2:]
    used_B: list[Tensor] = []

    def perhaps(number_B: Tensor, p: Tensor = p) -> Tensor:
        """The number where it is to be used, 0 elsewhere."""
        used_B.append(_uniform(images_BCHW, source) < p)
        return torch.where(used_B[-1], number_B, 0.0)

    def turned(y_BP: Tensor, x_BP: Tensor) -> tuple[Tensor, Tensor]:
        turn_B = perhaps(_between(-TURN, TURN, images_BCHW, source), 1 - (1 - p).sqrt())
        cos_B1, sin_B1 = turn_B.cos()[:, None], turn_B.sin()[:, None]
        return cos_B1 * y_BP - sin_B1 * x_BP, sin_B1 * y_BP + cos_B1 * x_BP

    scale_B = perhaps(0.2 * _normal(images_BCHW, source))
    stretch_B = perhaps(0.2 * _normal(images_BCHW, source))
    down_B = perhaps(SHIFT * height * _normal(images_BCHW, source))
    right_B = torch.where(used_B[-1], SHIFT * width * _normal(images_BCHW, source), 0.0)

    # where in the picture the pixel at (y, x) of the result is taken from, both seen from the centre
    y_P, x_P = (place - (side - 1) / 2 for place, side in zip(_places(images_BCHW), (height, width), strict=True))
    y_BP, x_BP = turned(y_P - down_B[:, None], x_P - right_B[:, None])
    y_BP, x_BP = y_BP * torch.exp2(scale_B - stretch_B)[:, None], x_BP * torch.exp2(scale_B + stretch_B)[:, None]
    y_BP, x_BP = turned(y_BP, x_BP)
    moved = _sampled(images_BCHW, y_BP + (height - 1) / 2, x_BP + (width - 1) / 2)
    return torch.where(_planes(torch.stack(used_B).any(dim=0)), moved, images_BCHW)


def cut(images_BCHW: Tensor, p: Tensor, source: Draws) -> Tensor:
    """A square of half a side somewhere, perhaps partly beyond the edge, becomes grey: the cutout of both."""
    height, width = images_BCHW.shape[2:]
    is_chosen = _chosen(images_BCHW, p, source)
    y_P, x_P = _places(images_BCHW)
    is_cut_BP = torch.ones((), dtype=torch.bool, device=images_BCHW.device)
    for place_P, side in ((y_P, height), (x_P, width)):
        middle_B1 = _between(-0.5, side - 0.5, images_BCHW, source)[:, None]
        is_cut_BP = is_cut_BP & ((place_P - middle_B1).abs() < CUT * side / 2)
    return torch.where(is_chosen & is_cut_BP.view(-1, 1, height, width), GREY, images_BCHW)


def _places(images_BCHW: Tensor) -> tuple[Tensor, Tensor]:
    """Return row and column of every pixel of a plane, (P,)."""
    height, width = images_BCHW.shape[2:]
    index_P = torch.arange(height * width, device=images_BCHW.device)
    return (index_P // width).to(images_BCHW.dtype), (index_P % width).to(images_BCHW.dtype)


def _shifted_places(
    images_BCHW: Tensor, p: Tensor, source: Draws, reaches: Sequence[float]
) -> tuple[Tensor, Tensor, Tensor]:
    """Which pictures are moved, and from which row and column (B, P) each pixel comes, also from beyond the edge.

    reaches: how many pixels down and right they go at most, before that is rounded.
    """
    is_chosen = _chosen(images_BCHW, p, source)
    moved = []
    for place_P, reach in zip(_places(images_BCHW), reaches, strict=True):
        by_B1 = _between(-reach, reach, images_BCHW, source).round()[:, None]
        moved.append((place_P - by_B1).long())
    return is_chosen, moved[0], moved[1]


def _shifted(images_BCHW: Tensor, p: Tensor, source: Draws, reaches: Sequence[float], filling: float) -> Tensor:
    height, width = images_BCHW.shape[2:]
    is_chosen, row_BP, column_BP = _shifted_places(images_BCHW, p, source, reaches)
    is_inside_BP = (row_BP >= 0) & (row_BP < height) & (column_BP >= 0) & (column_BP < width)
    moved = _taken(images_BCHW, row_BP.clamp(0, height - 1), column_BP.clamp(0, width - 1))
    moved = torch.where(is_inside_BP.view(-1, 1, height, width), moved, filling)
    return torch.where(is_chosen, moved, images_BCHW)


def _mirrored(place_BP: Tensor, side: int) -> Tensor:
    """Mirror places beyond an edge as often as needed; whole numbers and fractions."""
    turned = torch.remainder(place_BP if place_BP.dtype == torch.long else place_BP + 0.5, 2 * side)
    if place_BP.dtype == torch.long:
        return torch.minimum(turned, 2 * side - 1 - turned)
    return (torch.minimum(turned, 2 * side - turned) - 0.5).clamp(0, side - 1)


def _taken(images_BCHW: Tensor, row_BP: Tensor, column_BP: Tensor) -> Tensor:
    """Take the pixels at these places; F.grid_sample cannot be differentiated twice."""
    channels, width = images_BCHW.shape[1], images_BCHW.shape[3]
    index_BCP = (row_BP * width + column_BP)[:, None].expand(-1, channels, -1)
    return images_BCHW.flatten(2).gather(2, index_BCP).view(images_BCHW.shape)


def _sampled(images_BCHW: Tensor, y_BP: Tensor, x_BP: Tensor) -> Tensor:
    """Sample between pixels, bilinearly."""
    height, width = images_BCHW.shape[2:]
    y_BP, x_BP = _mirrored(y_BP, height), _mirrored(x_BP, width)
    top_BP, left_BP = y_BP.floor().long(), x_BP.floor().long()
    bottom_BP, right_BP = (top_BP + 1).clamp(max=height - 1), (left_BP + 1).clamp(max=width - 1)
    down, right = ((place - place.floor()).view(-1, 1, height, width) for place in (y_BP, x_BP))
    upper, lower = (
        torch.lerp(_taken(images_BCHW, row_BP, left_BP), _taken(images_BCHW, row_BP, right_BP), right)
        for row_BP in (top_BP, bottom_BP)
    )
    return torch.lerp(upper, lower, down)


# ---- what pixels are -----------------------------------------------------------------------------------------------


def tint(images_BCHW: Tensor, p: Tensor, source: Draws) -> Tensor:
    """Brightness by up to a half, contrast 0.5 to 1.5 times and, of colour, saturation 0 to 2 times: DiffAugment's."""
    is_chosen = _chosen(images_BCHW, p, source)
    brighter = _planes(_between(-0.5, 0.5, images_BCHW, source))
    contrast = _planes(_between(0.5, 1.5, images_BCHW, source))
    changed = images_BCHW + brighter
    if images_BCHW.shape[1] == 3:
        grey = changed.mean(dim=1, keepdim=True)
        changed = grey + _planes(_between(0.0, 2.0, images_BCHW, source)) * (changed - grey)
    middle = changed.mean(dim=(1, 2, 3), keepdim=True)
    return torch.where(is_chosen, middle + contrast * (changed - middle), images_BCHW)


def recolour(images_BCHW: Tensor, p: Tensor, source: Draws) -> Tensor:
    """Brightness N(0, 0.2^2), contrast 2^N(0, 0.5^2) and, of colour, any hue and saturation 2^N(0, 1), each with
    probability p: ADA's, without its negatives."""
    brighter = _planes(0.2 * _normal(images_BCHW, source))
    images_BCHW = torch.where(_chosen(images_BCHW, p, source), images_BCHW + brighter, images_BCHW)
    contrast = _planes(torch.exp2(0.5 * _normal(images_BCHW, source)))
    images_BCHW = torch.where(_chosen(images_BCHW, p, source), images_BCHW * contrast, images_BCHW)
    if images_BCHW.shape[1] != 3:
        return images_BCHW
    angle = _planes(_between(-math.pi, math.pi, images_BCHW, source))
    images_BCHW = torch.where(_chosen(images_BCHW, p, source), _turned_hue(images_BCHW, angle), images_BCHW)
    grey, saturation = images_BCHW.mean(dim=1, keepdim=True), _planes(torch.exp2(_normal(images_BCHW, source)))
    return torch.where(_chosen(images_BCHW, p, source), grey + saturation * (images_BCHW - grey), images_BCHW)


def _turned_hue(images_BCHW: Tensor, angle: Tensor) -> Tensor:
    """Turn colours about the axis of greys (Rodrigues' formula; the cross product with it is a difference)."""
    grey = images_BCHW.mean(dim=1, keepdim=True)
    colour = images_BCHW - grey
    across = (colour.roll(1, dims=1) - colour.roll(-1, dims=1)) / math.sqrt(3)
    return grey + colour * angle.cos() + across * angle.sin()


TRANSFORMS: dict[str, dict[str, Transform]] = {
    DIFFAUGMENT: {
        "colour": tint,
        "translation": shift_into_grey,
        "cutout": cut,
        "flip": flip,
        "time": shift_in_time,
    },
    ADA: {
        "flip": flip,
        "translation": shift,
        "geometry": warp,
        "colour": recolour,
        "cutout": cut,
        "time": shift_in_time,
    },
}
