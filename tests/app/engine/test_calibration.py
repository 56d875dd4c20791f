"""How a generator is run: the number format by rule and probe, the batch shapes, and what timing may decide."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from app.engine import calibration
from app.engine.batch import Facts, Rows
from app.engine.calibration import BUCKETS, calibrate, trial_rows
from app.engine.engine import Engine, load_engine
from app.engine.thread_backend import ThreadBackend
from core.media.images import Images
from core.registry import Registry
from models.dcgan import Generator
from models.sizes import DCGANConfig
from tests.fixtures import OpenEngine, PublishTiny

CPU = torch.device("cpu")


def generator(contrast: float) -> nn.Module:
    """An untrained network; the higher the contrast, the more bfloat16 shows."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Generator(DCGANConfig(image_size=16, channels=3, latent_dim=4, width=32, num_classes=0))
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.normal_(module.weight, 0, contrast, generator=torch.Generator().manual_seed(0))
    return network.eval()


@pytest.fixture
def _native_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a CPU that has it."""
    monkeypatch.setattr(calibration, "has_bfloat16", lambda device: True)


@pytest.mark.usefixtures("_native_bfloat16")
@pytest.mark.parametrize(("contrast", "precision"), [(0.02, "bfloat16"), (2.0, "float32")])
def test_bfloat16_is_taken_where_its_pictures_are_near_enough(contrast: float, precision: str) -> None:
    found = calibrate(generator(contrast), CPU, trial_rows(16 * 16 * 3, 4, 0), "auto")

    assert found.precision == precision


@pytest.mark.usefixtures("_native_bfloat16")
@pytest.mark.parametrize("choice", ["float32", "bfloat16"])
def test_the_setting_overrides_the_probe(choice: str) -> None:
    for contrast in (0.02, 2.0):
        assert calibrate(generator(contrast), CPU, trial_rows(768, 4, 0), choice).precision == choice  # type: ignore[arg-type]


def test_bfloat16_is_left_alone_where_it_would_be_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "has_bfloat16", lambda device: False)

    assert calibrate(generator(0.02), CPU, trial_rows(768, 4, 0), "auto").precision == "float32"


class OddShapes:
    """A forward pass that draws other bytes in batches of 8, as some kernels do."""

    beside = 0

    def __call__(self, rows: Rows) -> Images:
        z_BZ = rows.tensors["noise"]
        image_BHWC = np.repeat((z_BZ[:, :1, None, None] * 20 + 128).astype(np.uint8), 4, axis=1)
        return image_BHWC + np.uint8(len(z_BZ) == 8)

    def raw(self, rows: Rows) -> npt.NDArray[np.float32]:
        return self(rows).astype(np.float32)


def test_a_shape_that_draws_other_bytes_is_not_used() -> None:
    buckets, seconds = calibration._measure(OddShapes(), trial_rows(4, 4, 0))

    assert buckets == [bucket for bucket in BUCKETS if bucket != 8]
    assert list(seconds) == buckets


def test_shapes_that_take_too_long_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "MAX_BATCH_S", 0.0)

    buckets, _ = calibration._measure(OddShapes(), trial_rows(4, 4, 0))

    assert buckets == [1]


def test_a_probe_of_larger_images_has_fewer() -> None:
    assert [len(trial_rows(side * side * 3, 4, 0)) for side in (8, 32, 64, 128, 512)] == [64, 21, 8, 8, 8]


def test_a_batch_is_filled_up_to_its_shape() -> None:
    full = Rows({"noise": np.ones((3, 2), np.float32), "label": np.array([1, 2, 3])}).padded(8)

    z_BZ, labels = full.tensors["noise"], full.tensors["label"]

    assert z_BZ.shape == (8, 2)
    assert z_BZ[:3].all()
    assert not z_BZ[3:].any()
    assert labels.tolist() == [1, 2, 3, 0, 0, 0, 0, 0]


def test_as_many_images_are_drawn_at_once_as_give_most_a_second(
    publish_tiny: PublishTiny, open_engine: OpenEngine
) -> None:
    publish_tiny()
    plain = open_engine()
    seconds = {1: 1.0, 2: 1.1, 4: 1.5, 8: 2.0, 16: 3.9, 32: 8.0}
    engine = Engine("tiny", 1, plain.manifest, plain.runner, Facts("cpu", "float32", seconds, 0, ""))

    taken = {waiting: engine.batch_for(waiting) for waiting in (1, 2, 3, 5, 8, 9, 15, 16, 63, 64, 100)}

    # 5: in the shape of 8 2.5 a second, in that of 4 2.67. 16: 4.1 a second, hardly more than the 4 of 8, so not before
    # there is work for long.
    assert taken == {1: 1, 2: 2, 3: 3, 5: 4, 8: 8, 9: 8, 15: 8, 16: 8, 63: 8, 64: 16, 100: 16}


def test_two_loads_choose_the_same(publish_tiny: PublishTiny, registry: Registry) -> None:
    publish_tiny()
    folder, manifest = registry.folder("tiny", 1), registry.manifest("tiny", 1)

    first, second = (load_engine("tiny", 1, folder, manifest, ThreadBackend("cpu", 1)) for _ in range(2))

    assert (first.buckets, first.identity) == (second.buckets, second.identity)


def test_a_probe_has_the_default_label_of_each_seed() -> None:
    rows = trial_rows(64, 4, 3)

    assert rows.tensors["label"][:5].tolist() == [0, 1, 2, 0, 1]
