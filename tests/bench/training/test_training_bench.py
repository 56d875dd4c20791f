"""The training benchmark: both loops train the same networks, and its tables say what was measured."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.training import contestant, example, ours, report

IMAGES_NHWC = np.random.default_rng(0).integers(0, 256, (130, 28, 28, 1), np.uint8)
LABELS_N = np.arange(130) % 10


def test_the_example_draws_and_judges_pictures_of_64_px() -> None:
    image_BCHW = example.generator(3)(torch.randn(2, example.LATENT, 1, 1))

    assert image_BCHW.shape == (2, 3, 64, 64)
    assert example.discriminator(3)(image_BCHW).shape == (2, 1, 1, 1)


def test_the_example_takes_each_picture_once_an_epoch_an_incomplete_batch_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example, "WIDTH", 4)
    monkeypatch.setattr(example, "WORKERS", 0)
    endless = example.steps(IMAGES_NHWC, "cpu")

    assert [next(endless) for _ in range(4)] == [64, 64, 2, 64]


def test_ours_trains_the_networks_of_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example, "WIDTH", 4)
    state, method, batches = ours.prepare(
        "dcgan", ours.resized(IMAGES_NHWC, example.SIZE), LABELS_N, "cpu", latent_dim=example.LATENT
    )
    state = ours.with_networks_of_example(state)
    theirs = (example.generator(1), example.discriminator(1))
    before = [network.state_dict()["layers.0.weight"].clone() for network in (state.generator, state.counterpart)]

    told = method.step(state, batches)

    for network, its in zip((state.generator, state.counterpart), theirs, strict=True):
        shapes = {name.removeprefix("layers."): value.shape for name, value in network.state_dict().items()}
        assert shapes == {name: value.shape for name, value in its.state_dict().items()}
    after = [network.state_dict()["layers.0.weight"] for network in (state.generator, state.counterpart)]
    assert all(not torch.equal(old, new) for old, new in zip(before, after, strict=True))
    assert all(value.isfinite() for value in told.values())


def test_a_recipe_is_measured_with_its_operations_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    class Digits:
        images, labels = IMAGES_NHWC[..., 0], LABELS_N

    monkeypatch.setattr(contestant, "read_bundled", Digits)

    found = contestant.measure("gan", "cpu", warm_up=1, seconds=0.01)

    assert float(found["images_per_second"]) > 0
    assert float(found["memory"]) > 2**20


def test_operations_are_counted_of_every_pass_forward_and_backward() -> None:
    state, method, batches = ours.prepare("gan", IMAGES_NHWC, LABELS_N, "cpu")
    g, d = (
        [module.weight.numel() for module in network.modules() if isinstance(module, torch.nn.Linear)]
        for network in (state.generator, state.counterpart)
    )

    operations = ours.operations_per_image((state, method, batches))

    # Forward, gradient of the weights, gradient of what comes in: but not of noise, nor of pictures while D learns.
    of_g, of_d = 3 * sum(g) - g[0], 2 * (3 * sum(d) - d[0]) + 2 * sum(d)
    assert operations == 2 * (of_g + of_d)


def test_a_share_of_the_peak_is_operations_a_second_against_it() -> None:
    result: dict[str, Any] = {
        "schema": report.SCHEMA,
        "date": "2030-01-02",
        "revision": "abc",
        "machine": {"cpu": "some CPU", "cores": 2, "torch": "2", "python": "3", "system": "Linux", "device": ""},
        "seconds": 1.0,
        "rounds": 1,
        "contestants": {
            "example": {"images_per_second": 100.0, "rounds": [100.0]},
            "ours": {
                "images_per_second": 250.0,
                "rounds": [250.0],
                "memory": 2**30,
                "operations_per_image": 1e9,
                "precision": "bfloat16",
            },
            "peak": {"float32_flops": 2e11, "bfloat16_flops": 5e11},
        },
    }

    assert ("images/s: ours / the example, the same networks", "2.50") in report.facts(result)
    assert report.rows(result)[2] == ("ours", "250", "250", "1,024 MiB", "bfloat16", "50%")
    assert "2.50" in report.text(result)


def test_the_page_holds_every_result_and_no_result_of_another_schema(tmp_path: Path) -> None:
    empty = report.section(tmp_path)
    (tmp_path / "training-x.json").write_text(json.dumps({"schema": 0}))

    assert "Nothing has been recorded yet" in empty
    with pytest.raises(AssertionError, match="another schema"):
        report.section(tmp_path)
