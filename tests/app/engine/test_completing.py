"""Completions by the engine: what is known stays, whatever the batch; a generator that fills holes alike is damaged."""

import numpy as np
import pytest
import torch

from app.engine.batch import Rows
from app.engine.engine import Engine
from app.engine.opening import _is_constant
from core.media.images import Images
from models.noise import Latents, default_labels
from models.sizes import UNetConfig
from models.subjects import of_noise
from tests.fixtures import OpenEngine, PublishTiny

SIZES = UNetConfig(image_size=16, channels=3, latent_dim=4, width=32, num_classes=3)
SEEDS = range(1000)


def asked() -> Rows:
    subjects = of_noise(SIZES)
    assert subjects is not None
    rows = Rows.of(Latents(SEEDS), default_labels(SEEDS, SIZES.num_classes))
    return Rows({**rows.tensors, "picture": subjects.holed(SEEDS, None)})


async def drawn(engine: Engine, rows: Rows, count: int) -> Images:
    parts = [rows.take(slice(start, start + count)) for start in range(0, len(rows), count)]
    return np.concatenate([(await engine.draw(part)).images for part in parts])


async def test_a_thousand_completions_keep_what_is_known_and_are_the_same_alone_and_in_a_crowd(
    publish_tiny: PublishTiny, open_engine: OpenEngine
) -> None:
    publish_tiny("mended", config=SIZES)
    engine, rows = open_engine("mended"), asked()
    known = rows.tensors["picture"][..., -1] == 255

    alone, crowd = await drawn(engine, rows, 1), await drawn(engine, rows, engine.buckets[-1])

    assert engine.buckets[-1] > 1
    assert np.array_equal(alone, crowd)
    assert np.array_equal(alone[known], rows.tensors["picture"][..., :-1][known])
    assert len({image.tobytes() for image in alone}) == len(SEEDS)


async def test_requests_for_pictures_and_seeds_of_several_forms_share_a_batch(
    publish_tiny: PublishTiny, open_engine: OpenEngine
) -> None:
    publish_tiny("mended", config=SIZES)
    engine, picture_HWA = open_engine("mended"), asked().tensors["picture"][0]
    one = Rows.of(Latents([5]), [1], picture_HWA)
    other = Rows.of(Latents([5], 0.5), [2], picture_HWA)

    joined = (await engine.draw(Rows.joined([one, other], 4))).images

    assert np.array_equal(joined[0], (await engine.draw(one)).images[0])
    assert np.array_equal(joined[1], (await engine.draw(other)).images[0])
    assert (joined[0] != joined[1]).any()


@pytest.mark.parametrize(("filled", "is_constant"), [(128, True), (None, False)])
def test_holes_that_are_all_filled_with_one_colour_are_constant_though_the_pictures_differ(
    filled: int | None, is_constant: bool
) -> None:
    trial = asked().take(slice(8))
    images = torch.randint(0, 256, (8, 16, 16, 3), generator=torch.Generator().manual_seed(0)).to(torch.uint8).numpy()
    if filled is not None:
        images[trial.tensors["picture"][..., -1] == 0] = filled

    assert _is_constant(images, trial) is is_constant
