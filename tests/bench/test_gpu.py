"""`make bench-gpu`: what it says without a GPU, and the table of what it found."""

import subprocess
import sys

import pytest
import torch

from bench import gpu
from bench.serving.cells import NAMES as CELLS
from bench.training.__main__ import NAMES


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_it_says_so_and_measures_nothing() -> None:
    done = subprocess.run([sys.executable, "-m", "bench.gpu"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert "No CUDA device" in done.stderr


def test_the_table_has_serving_as_a_share_of_replay_and_training_beside_the_example() -> None:
    found = {
        "machine": {"device": "one GPU", "cores": 16},
        "tests_pass": True,
        "replay": {"1": 20_000.0, "64": 400_000.0},
        "serving": {"n64-npy-c16": {"Ganymede": {"images_per_s": 100_000.0}}},
        "training": {"example": {"images_per_second": 5_000.0}, "ours": {"images_per_second": 15_000.0}, "peak": {}},
    }

    text = gpu.table(found)

    assert "n64-npy-c16             100,000 images/s  25% of replay" in text
    assert "3.00 times the example" in text


def test_the_contestants_and_cells_that_it_names_exist() -> None:

    assert set(gpu.CONTESTANTS) <= set(NAMES)
    assert set(gpu.CELLS) <= set(CELLS)
