"""Moves and turns of the augmentation are those of the original ones, with their probabilities."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from tests.worker.training.test_augmentation import changed, pictures
from worker.training.augmentation import TRANSFORMS
from worker.training.randomness import Draws


@pytest.mark.parametrize(
    ("kind", "size", "likely"),
    [
        ("ada", 28, dict.fromkeys(range(-3, 4), 1 / 7)),  # round(U(-3.5, 3.5))
        ("ada", 16, {-2: 1 / 8, -1: 1 / 4, 0: 1 / 4, 1: 1 / 4, 2: 1 / 8}),  # round(U(-2, 2))
        ("diffaugment", 28, dict.fromkeys(range(-4, 5), 1 / 9)),  # randint(-4, 5)
        ("diffaugment", 16, dict.fromkeys(range(-2, 3), 1 / 5)),
    ],
)
def test_moves_are_as_far_and_as_likely_as_in_the_original(kind: str, size: int, likely: dict[int, float]) -> None:
    images_BCHW = torch.full((4000, 1, size, size), -1.0)
    images_BCHW[:, :, size // 2, size // 2] = 1.0

    after_BCHW = changed(kind, "translation", images_BCHW, p=1.0)

    place_B = after_BCHW.flatten(1).argmax(dim=1)
    assert bool((after_BCHW == 1.0).flatten(1).sum(dim=1).eq(1).all())
    for row_or_column_B in (place_B // size, place_B % size):
        moves = (row_or_column_B - size // 2).tolist()
        assert {by: moves.count(by) / len(moves) for by in set(moves)} == pytest.approx(likely, abs=0.025)


@dataclass(frozen=True)
class Scripted(Draws):
    """Numbers that a test chose: the uniform ones and the normal ones each in the order they are asked for."""

    uniforms: Iterator[float] = field(kw_only=True)
    normals: Iterator[float] = field(kw_only=True)

    def uniform(self, count: int, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.full((count, *shape), next(self.uniforms), dtype=dtype)

    def normal(self, count: int, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.full((count, *shape), next(self.normals), dtype=dtype)


def scripted(uniforms: list[float], normals: list[float]) -> Scripted:
    return Scripted(torch.Generator(), uniforms=iter(uniforms), normals=iter(normals))


def test_geometry_scales_turns_stretches_turns_again_and_moves_as_in_the_original() -> None:
    """ADA's inverse transform is scale, turn, stretch, turn, translation, from left to right; of a plane that rises
    evenly the result is known exactly."""
    size, scale, stretch, down, right, first, second = 33, 0.1, -0.15, 0.02, -0.03, math.pi / 12, -math.pi / 9
    y, x = torch.meshgrid(*2 * [torch.arange(size, dtype=torch.float64) - (size - 1) / 2], indexing="ij")
    images_BCHW = (0.02 * y + 0.01 * x)[None, None]

    def turn_of(angle: float) -> float:
        return (angle / (math.pi / 6) + 1) / 2  # of U(0, 1)

    def turn(angle: float) -> Tensor:
        return torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]).double()

    source = scripted([0, 0, 0, turn_of(second), 0, turn_of(first), 0], [5 * scale, 5 * stretch, 8 * down, 8 * right])
    after_BCHW = TRANSFORMS["ada"]["geometry"](images_BCHW, torch.tensor(1.0), source)

    stretched = torch.diag(torch.tensor([2**-stretch, 2**stretch]).double())
    inverse = 2**scale * turn(first) @ stretched @ turn(second)
    moved_2P = torch.stack([(y - down * size).flatten(), (x - right * size).flatten()])
    came_from_2P = inverse @ moved_2P
    expected = (0.02 * came_from_2P[0] + 0.01 * came_from_2P[1]).view(size, size)
    middle = slice(size // 4, -(size // 4))
    assert torch.allclose(after_BCHW[0, 0, middle, middle], expected[middle, middle], atol=1e-5)


def test_each_of_the_two_turns_is_made_so_often_that_one_is_with_probability_p() -> None:
    still = [0.9, 0.9, 0.9]  # neither scaled nor stretched nor moved
    images_BCHW = pictures(count=1, size=9)

    def is_turned(first: float, second: float) -> bool:
        source = scripted([*still, 0.9, second, 0.9, first], [0.0] * 4)
        after_BCHW = TRANSFORMS["ada"]["geometry"](images_BCHW, torch.tensor(0.75), source)
        return not torch.equal(after_BCHW, images_BCHW)

    assert [is_turned(0.49, 0.9), is_turned(0.9, 0.49), is_turned(0.51, 0.51)] == [True, True, False]
