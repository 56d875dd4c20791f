"""Trains the judge and writes its weights, reference and record. Knows nothing of generators or the service.

    python -m bench.judge.train FOLDER
    python -m bench.judge.train FOLDER --reference    # of the weights that are there

FOLDER holds MNIST's four IDX files. The judge learns from the 50,000 training images that mnist-10k does not
hold; the 10,000 test images choose nothing: they are read once, at the end. The seed is fixed, so that the
same machine and torch give the same judge. Shape suffixes: N pictures, D features, B batch, K classes,
H height, W width.
"""

import argparse
import hashlib
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor
from torch.nn.functional import affine_grid, cross_entropy, grid_sample

from bench.dataset import ARCHIVE, Digits, read_bundled, read_mnist, unseen
from bench.judge.examination import likeness
from worker.judge.judgement import FOLDER, REFERENCE, WEIGHTS, load_judge, read
from worker.judge.network import SIZE, DigitClassifier, count_parameters, to_pixels
from worker.training.scores.frechet import frechet_distance, statistics

RECORD = FOLDER / "record.json"
SEED = 20
EPOCHS = 16
BATCH = 256
PEAK_LR = 4e-3
WEIGHT_DECAY = 0.02
ROTATION_DEGREES = 10.0
SHEAR = 0.08
SCALE = 0.1
SHIFT_PIXELS = 2.0
THREADS = 2


def augment(x_B1HW: Tensor, generator: torch.Generator) -> Tensor:
    """Each image turned by up to 10 degrees, sheared, scaled by up to 10 % and shifted by up to 2 pixels."""
    uniform = torch.rand(6, x_B1HW.shape[0], generator=generator) * 2 - 1
    angle = uniform[0] * torch.pi * ROTATION_DEGREES / 180
    width, height = 1 + uniform[1] * SCALE, 1 + uniform[2] * SCALE
    shear = uniform[3] * SHEAR
    shift = uniform[4:] * SHIFT_PIXELS * 2 / SIZE
    row_x = torch.stack([width * angle.cos(), width * (shear - angle.sin()), shift[0]], dim=1)
    row_y = torch.stack([height * angle.sin(), height * angle.cos(), shift[1]], dim=1)
    grid = affine_grid(torch.stack([row_x, row_y], dim=1), list(x_B1HW.shape), align_corners=False)
    return grid_sample(x_B1HW, grid, align_corners=False).contiguous(memory_format=torch.channels_last)


def train(digits: Digits) -> DigitClassifier:
    """AdamW under a one-cycle schedule; bf16 convolutions over float32 weights."""
    torch.manual_seed(SEED)
    torch.set_num_threads(THREADS)
    generator = torch.Generator().manual_seed(SEED)
    images, labels = torch.from_numpy(digits.images), torch.from_numpy(digits.labels).long()
    network = DigitClassifier()
    optimizer = torch.optim.AdamW(network.parameters(), lr=PEAK_LR, weight_decay=WEIGHT_DECAY, fused=True)
    steps = EPOCHS * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LR, total_steps=steps, pct_start=0.2)
    for epoch in range(EPOCHS):
        started, right = time.perf_counter(), 0
        permutation = torch.randperm(len(images), generator=generator)
        for batch in permutation[: len(images) // BATCH * BATCH].reshape(-1, BATCH):
            x_B1HW = augment(to_pixels(images[batch]), generator)
            with torch.autocast("cpu", torch.bfloat16):
                logits_BK, _ = network(x_B1HW)
            loss = cross_entropy(logits_BK.float(), labels[batch])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            right += int((logits_BK.argmax(dim=1) == labels[batch]).sum())
        seconds = time.perf_counter() - started
        print(
            f"epoch {epoch + 1:2d}/{EPOCHS}  read right {right / len(permutation):.4f}  {seconds:.0f} s",
            flush=True,
        )
    return network.eval()


def save_weights(network: DigitClassifier, path: Path) -> None:
    """Convolutions and layers as float16; normalisation, which is small and needs the range, as float32."""
    state = network.state_dict()
    tensors = {name: (x.half() if x.ndim > 1 else x).contiguous() for name, x in state.items()}
    path.write_bytes(save(tensors))


def write_reference(network: DigitClassifier, test: Digits, bundled: Digits) -> dict[str, float]:
    """Statistics of the test images' features, and the numbers that a generator's are printed beside."""
    (readings_N, test_ND), (_, bundled_ND) = read(network, test.images), read(network, bundled.images)
    mean, covariance = statistics(test_ND)
    floor = frechet_distance(*statistics(bundled_ND), mean, covariance)
    beside = asdict(likeness(test_ND, bundled_ND))
    scores = {
        "test_accuracy": float((readings_N == test.labels).mean()),
        "mnist_10k_accuracy": _accuracy(network, bundled),
        "floor": floor,
        **beside,
    }
    np.savez_compressed(
        REFERENCE,
        mean=mean,
        covariance=covariance,
        floor=np.float64(floor),
        accuracy=np.float64(scores["test_accuracy"]),
        **{name: np.float64(value) for name, value in beside.items()},  # type: ignore[arg-type]
    )
    return scores


def write_record(network: DigitClassifier, scores: dict[str, float]) -> dict[str, Any]:
    """What made the committed files, and their digests."""
    record = {
        "schema": 1,
        "made_by": "python -m bench.judge.train FOLDER",
        "seed": SEED,
        "epochs": EPOCHS,
        "training_images": 50_000,
        "parameters": count_parameters(network),
        "torch": torch.__version__,
        "numpy": np.__version__,
        **scores,
        "sha256": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (WEIGHTS, REFERENCE, ARCHIVE)},
    }
    RECORD.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return record


def main() -> None:
    """Train, save, then judge by the saved weights: what is reported is what others will load."""
    parser = argparse.ArgumentParser(description="Train the judge of the bundled digits.")
    parser.add_argument("folder", type=Path, help="folder with MNIST's four IDX files")
    parser.add_argument("--reference", action="store_true", help="train nothing: read by the weights that are there")
    options = parser.parse_args()
    if not options.reference:
        save_weights(train(unseen(read_mnist(options.folder, "train"))), WEIGHTS)
    network = load_judge()
    scores = write_reference(network, read_mnist(options.folder, "t10k"), read_bundled())
    print(json.dumps(write_record(network, scores), indent=2))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _accuracy(network: DigitClassifier, digits: Digits) -> float:
    readings: NDArray[np.int64] = read(network, digits.images)[0]
    return float((readings == digits.labels).mean())


if __name__ == "__main__":
    main()
