"""The training benchmark: both loops train the same networks, and its tables say what was measured."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.training import contestant, example, ours, report, whole

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


def test_a_step_of_ours_and_one_of_the_example_end_in_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example, "WIDTH", 8)
    state, method, batches = ours.prepare_example(IMAGES_NHWC, LABELS_N, "cpu", precision="float32")
    torch.manual_seed(0)
    theirs = example.Example(1, "cpu")
    pairs = ((state.generator, theirs.net_g), (state.counterpart, theirs.net_d))
    before = [copy.deepcopy(its.state_dict()) for _, its in pairs]
    real_BCHW, _ = ours.prepare_example(IMAGES_NHWC, LABELS_N, "cpu", precision="float32")[2].next()

    state.set_rates()
    noise_BZ = state.noise(example.BATCH)
    method.step(state, batches)
    theirs.step(real_BCHW.contiguous(), noise_BZ[:, :, None, None])

    for (mine, its), old in zip(pairs, before, strict=True):
        after = {name.removeprefix("layers."): value for name, value in mine.state_dict().items()}
        for name, value in its.state_dict().items():  # running means, and how many batches they saw, too
            torch.testing.assert_close(after[name], value, rtol=1e-5, atol=5e-6, msg=name)
            assert not torch.equal(value, old[name]), f"{name} has not moved"


def test_of_both_loops_batch_rates_and_betas_are_the_example_s() -> None:
    state, _, _ = ours.prepare_example(IMAGES_NHWC, LABELS_N, "cpu")
    theirs = example.Example(1, "cpu")

    assert (state.resolved.batch_size, state.resolved.lr_schedule) == (example.BATCH, "constant")
    state.set_rates()
    for mine, its in (
        (state.generator_optimizer, theirs.optimizer_g),
        (state.counterpart_optimizer, theirs.optimizer_d),
    ):
        (group,), (same,) = mine.param_groups, its.param_groups
        assert [group[name] for name in ("lr", "betas", "eps", "weight_decay")] == [
            same[name] for name in ("lr", "betas", "eps", "weight_decay")
        ]


def test_a_recipe_is_measured_with_its_operations_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    class Digits:
        images, labels = IMAGES_NHWC[..., 0], LABELS_N

    monkeypatch.setattr(contestant, "read_bundled", Digits)

    found = contestant.measure("gan", "cpu", warm_up=1, seconds=0.01)

    assert float(found["images_per_second"]) > 0
    assert float(found["memory"]) > 2**20


@pytest.mark.slow
def test_of_a_whole_run_each_hook_is_timed() -> None:
    found = whole.measure("gan", images=320, extractor="none")

    assert {"ReportProgress", "DrawSamples", "KeepCheckpoints", "PublishVersions"} <= set(found["hooks"])
    assert found["steps"] == 5
    assert 0 < whole.share(found) < 1
    assert sum(found["hooks"].values()) < found["loop"]


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
                "whole": {"steps": 9, "preparing": 1.0, "loop": 40.0, "hooks": {"DrawSamples": 3.0, "Evaluate": 1.0}},
            },
            "peak": {"float32_flops": 2e11, "bfloat16_flops": 5e11},
        },
    }

    assert ("images/s: ours / the example, the same networks", "2.50") in report.facts(result)
    assert report.rows(result)[2] == ("ours", "250", "250", "1,024 MiB", "bfloat16", "50%", "10.0%")
    assert "2.50" in report.text(result)


def test_the_page_holds_every_result_and_no_result_of_another_schema(tmp_path: Path) -> None:
    empty = report.section(tmp_path)
    (tmp_path / "training-x.json").write_text(json.dumps({"schema": 0}))

    assert "Nothing has been recorded yet" in empty
    with pytest.raises(AssertionError, match="another schema"):
        report.section(tmp_path)
