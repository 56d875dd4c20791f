"""One version on one device: the same bytes in every batch shape, and what is refused at loading."""

import numpy as np
import pytest

from app.engine.calibration import BUCKETS
from app.engine.engine import Engine
from core.errors import StoreDamaged
from models.sizes import DCGANConfig
from tests.app.gated import drawn
from tests.fixtures import OpenEngine, PublishBroken, PublishTiny


@pytest.fixture
def engine(publish_tiny: PublishTiny, open_engine: OpenEngine) -> Engine:
    publish_tiny()
    return open_engine()


async def test_a_seed_draws_the_same_bytes_in_a_batch_of_any_size(engine: Engine) -> None:
    expected = await drawn(engine, list(range(64)))

    for count in (1, 2, 3, 4, 5, 15, 16, 17, 63):
        assert np.array_equal(await drawn(engine, list(range(count))), expected[:count]), count


async def test_a_seed_draws_the_same_bytes_at_any_place_in_a_batch(engine: Engine) -> None:
    alone = await drawn(engine, [77])

    for place in (0, 1, 7, 30, 63):
        seeds = list(range(64))
        seeds[place] = 77
        assert np.array_equal((await drawn(engine, seeds))[place], alone[0]), place


async def test_two_loads_of_a_version_draw_the_same_bytes(engine: Engine, open_engine: OpenEngine) -> None:
    again = open_engine()

    assert np.array_equal(await drawn(again, list(range(64))), await drawn(engine, list(range(64))))
    assert again.digest == engine.digest


def test_the_largest_bucket_is_always_used(engine: Engine) -> None:
    assert engine.buckets[-1] == BUCKETS[-1]
    assert set(engine.buckets) <= set(BUCKETS)


async def test_pictures_are_bytes_with_the_size_of_the_manifest(
    publish_tiny: PublishTiny, open_engine: OpenEngine
) -> None:
    publish_tiny("colour", config=DCGANConfig(image_size=16, channels=3, latent_dim=4, width=16, num_classes=0))

    images = await drawn(open_engine("colour"), range(5))

    assert (images.shape, str(images.dtype)) == ((5, 16, 16, 3), "uint8")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("flipped byte", "does not match its digest"),
        ("truncated", "bytes, not"),
        ("missing file", "generator.safetensors is missing"),
        ("not finite", "not finite"),
        ("constant", "the same picture for every seed"),
        ("foreign weights", "bytes, not"),
    ],
)
def test_a_version_that_cannot_draw_is_refused_at_loading(
    publish_broken: PublishBroken, open_engine: OpenEngine, kind: str, reason: str
) -> None:
    version = publish_broken(kind)

    with pytest.raises(StoreDamaged, match=reason):
        open_engine(version=version)
