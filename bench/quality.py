"""Quality of a served digits model: label accuracy and Frechet distance. Knows the HTTP contract alone.

    python -m bench.quality --url http://127.0.0.1:8000 --model digits --images 10000 [--json] [--grid FILE]

Draws the images of seeds 0 to N-1 through `GET /generate`, at truncation 1 and label = seed mod 10, filters
nothing, and has bench.judge read them. Distances compare with each other and with the floor only at 10,000.
"""

import argparse
import io
import json
import re
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from bench.judge import Judgement, judge
from bench.machine import machine
from core.images import contact_sheet
from core.png import write_png

CLASSES = 10
BATCH = 64
ATTEMPTS = 6
COMPARABLE_IMAGES = 10_000
IDENTITY_HEADERS = ("Model", "Model-Version", "Model-Digest")


class Refusal(Exception):
    """The measurement cannot be made, or would not mean what it says; the text tells why."""


@dataclass(frozen=True)
class Drawing:
    """Images uint8 (N, 28, 28) of seeds 0 to N-1, the labels (N,) asked for, and what the model is called."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    identity: dict[str, str]
    seconds: float


def draw(client: httpx.Client, model: str, count: int) -> Drawing:
    """The images of seeds 0 to count-1; Refusal when the model draws no digits, or changes on the way."""
    started = time.perf_counter()
    images: list[NDArray[np.uint8]] = []
    identity: dict[str, str] = {}
    for seed in range(0, count, BATCH):
        size = min(BATCH, count - seed)
        response = _ask(client, {"model": model, "seed": seed, "n": size, "format": "npy"})
        images.append(_digits(response, seed, size))
        told = {name: response.headers.get(name, "unknown") for name in IDENTITY_HEADERS}
        identity = identity or told
        if told != identity:
            raise Refusal(f"the model changed while it was drawn: {identity}, then {told}; ask for NAME@VERSION")
    labels = np.arange(count) % CLASSES
    return Drawing(np.concatenate(images), labels, identity, time.perf_counter() - started)


def report(drawing: Drawing, judgement: Judgement) -> dict[str, Any]:
    """Everything measured, as one JSON object; shares are 0 to 1."""
    return {
        "schema": 1,
        "model": drawing.identity["Model"],
        "version": drawing.identity["Model-Version"],
        "digest": drawing.identity["Model-Digest"],
        **asdict(judgement),
        "comparable": judgement.images == COMPARABLE_IMAGES,
        "seconds": round(drawing.seconds, 3),
        "images_per_second": round(judgement.images / drawing.seconds, 1),
        "machine": machine(),
    }


def table(result: dict[str, Any]) -> str:
    """The report for people: one fact a line."""
    shares = [(share, digit) for digit, share in enumerate(result["per_class_accuracy"]) if share is not None]
    worst, digit = min(shares)
    note = "" if result["comparable"] else f"  (not comparable: {COMPARABLE_IMAGES} images are needed)"
    host = result["machine"]
    rows = {
        "model": f"{result['model']}  version {result['version']}  {result['digest']}",
        "images": f"{result['images']}  in {result['seconds']:.1f} s, {result['images_per_second']} images/s",
        "label accuracy": f"{result['label_accuracy']:.2%}",
        "worst class": f"{worst:.2%}  (digit {digit})",
        "FD": f"{result['frechet_distance']:.3f}{note}",
        "floor": f"{result['floor']:.3f}  (mnist-10k, real digits)",
        "FD / floor": f"{result['ratio']:.2f}",
        "machine": f"{host['cpu']}, {host['cores']} cores, torch {host['torch']}",
    }
    return "\n".join(f"{name:<15} {value}" for name, value in rows.items())


def grid(images: NDArray[np.uint8]) -> bytes:
    """The first 100 images as a PNG, seed 0 top left; a column shows one digit."""
    return write_png(contact_sheet(images[:100, :, :, None], columns=10))


def main(arguments: list[str] | None = None) -> None:
    """Draw, judge, print."""
    parser = argparse.ArgumentParser(description="Measure a served digits model.")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="where the service answers")
    parser.add_argument("--model", default="digits", help="model reference, NAME@VERSION to pin one")
    parser.add_argument("--images", type=int, default=COMPARABLE_IMAGES, help="how many images, seeds 0 to N-1")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--grid", type=Path, help="also write the first 100 images as a PNG")
    options = parser.parse_args(arguments)
    if options.images < 2:
        parser.error("--images must be at least 2")
    try:
        with httpx.Client(base_url=options.url, timeout=60, trust_env=False) as client:
            drawing = draw(client, options.model, options.images)
    except (Refusal, httpx.HTTPError) as error:
        sys.exit(f"{options.url}: {error}")
    if options.grid:
        options.grid.write_bytes(grid(drawing.images))
    result = report(drawing, judge(drawing.images, drawing.labels))
    print(json.dumps(result, allow_nan=False) if options.json else table(result))


def _ask(client: httpx.Client, parameters: dict[str, str | int]) -> httpx.Response:
    """One request, asked again while the service says that it is busy."""
    for _ in range(ATTEMPTS):
        response = client.get("/generate", params=parameters)
        if response.status_code != httpx.codes.TOO_MANY_REQUESTS:
            break
        wait = response.headers.get("Retry-After", "1")
        time.sleep(min(float(wait) if wait.isdigit() else 1.0, 10.0))
    if response.status_code != httpx.codes.OK:
        raise Refusal(f"/generate answered {response.status_code}: {response.text[:500]}")
    return response


def _digits(response: httpx.Response, seed: int, size: int) -> NDArray[np.uint8]:
    """The images (n, 28, 28) of one response, refused unless they are the digits that were asked for."""
    try:
        images = np.lib.format.read_array(io.BytesIO(response.content), allow_pickle=False)
    except ValueError as error:
        raise Refusal(f"/generate did not answer with a .npy ({error})") from error
    if images.dtype != np.uint8 or images.shape != (size, 28, 28, 1):
        raise Refusal(f"the model draws {images.dtype} {images.shape}, the judge reads uint8 {(size, 28, 28, 1)}")
    if "Label" not in response.headers:
        raise Refusal("the model is not conditional (no Label header), so no image has a digit it ought to show")
    labels = [int(label) for label in re.findall(r"\d+", response.headers["Label"])]
    if labels != [number % CLASSES for number in range(seed, seed + size)]:
        told = response.headers["Label"][:40]
        raise Refusal(f"the labels from seed {seed} on are {told!r}, not seed mod 10: the model has not 10 classes")
    return images[..., 0]


if __name__ == "__main__":
    main()
