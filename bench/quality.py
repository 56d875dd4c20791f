"""Quality of a served model of digits or avatars: label accuracy, Frechet distance, KID, recall. Knows HTTP alone.

    python -m bench.quality --url http://127.0.0.1:8000 --model digits --images 10000 [--json] [--grid FILE]
    python -m bench.quality --model avatars                # the first time minutes: its judge learns, and is kept

Draws the images of seeds 0 to N-1 through `GET /generate`, at truncation 1 and label = seed mod classes, filters
nothing, and has bench.judge read them; which judge, the shape of the images decides. Distances compare with each other
and with the floor only at 10,000 digits or 4,000 avatars, which is N if nothing is said; KID, precision and recall are
told there alone. Shape suffixes: N images, H height, W width, C channels.
"""

import argparse
import io
import json
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from bench.judge.examination import Judge
from bench.judge.kinds import KINDS, Kind, MissingPackages
from bench.machine import described, machine
from core.media.images import contact_sheet
from core.media.images.png import write_png

BATCH = 64
ATTEMPTS = 6
GRID_ROWS = 10
IDENTITY_HEADERS = ("Model", "Model-Version", "Model-Digest")


class Refusal(Exception):
    """The measurement cannot be made, or would not mean what it says; the text tells why."""


@dataclass(frozen=True)
class DrawnSample:
    """Images uint8 (N, H, W, C) of seeds 0 to N-1, the labels (N,) asked for, and what the model is called."""

    kind: Kind
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    identity: dict[str, str]
    seconds: float


def draw(client: httpx.Client, model: str, count: int | None = None) -> DrawnSample:
    """The images of seeds 0 to count-1 (None: as many as compare); Refusal when the model draws what no judge reads, or
    changes on the way."""
    started = time.perf_counter()
    kind = _kind(_images(_ask(client, {"model": model, "seed": 0, "n": 1, "format": "npy"})))
    count = count or kind.comparable
    images: list[NDArray[np.uint8]] = []
    identity: dict[str, str] = {}
    for seed in range(0, count, BATCH):
        size = min(BATCH, count - seed)
        response = _ask(client, {"model": model, "seed": seed, "n": size, "format": "npy"})
        images.append(_images(response))
        _check_labels(response, kind, seed, size)
        told = {name: response.headers.get(name, "unknown") for name in IDENTITY_HEADERS}
        identity = identity or told
        if told != identity:
            raise Refusal(f"the model changed while it was drawn: {identity}, then {told}; ask for NAME@VERSION")
    labels = np.arange(count) % kind.num_classes
    return DrawnSample(kind, np.concatenate(images), labels, identity, time.perf_counter() - started)


def examined(drawing: DrawnSample, class_names: list[str]) -> tuple[dict[str, Any], Judge]:
    """What the judge of its kind says; Refusal where the classes are others than those that it reads."""
    judge = drawing.kind.load()
    if class_names != list(judge.class_names):
        shown = ", ".join(class_names)[:200]
        raise Refusal(f"the classes of the model are {shown}; the judge of {judge.name} reads {judge.class_names}")
    return judge.examine(drawing.images, drawing.labels), judge


def report(drawing: DrawnSample, examination: dict[str, Any]) -> dict[str, Any]:
    """Everything measured, as one JSON object; shares are 0 to 1."""
    return {
        "schema": 1,
        "model": drawing.identity["Model"],
        "version": drawing.identity["Model-Version"],
        "digest": drawing.identity["Model-Digest"],
        **examination,
        "judge": drawing.kind.name,
        "comparable": len(drawing.images) == drawing.kind.comparable,
        "seconds": round(drawing.seconds, 3),
        "images_per_second": round(len(drawing.images) / drawing.seconds, 1),
        "machine": machine(),
    }


def table(result: dict[str, Any], judge: Judge) -> str:
    """The report for people: one fact a line, beside it what real pictures get."""
    shares = [(share, label) for label, share in enumerate(result["per_class_accuracy"]) if share is not None]
    worst, label = min(shares)
    note = "" if result["comparable"] else f"  (not comparable: {judge.comparable} images are needed)"
    host, reals = result["machine"], result["reals"]
    rows = {
        "model": f"{result['model']}  version {result['version']}  {result['digest']}",
        "images": f"{result['images']}  in {result['seconds']:.1f} s, {result['images_per_second']} images/s",
        "label accuracy": f"{result['label_accuracy']:.2%}  (reals: {reals['label_accuracy']:.2%})",
        "worst class": f"{worst:.2%}  ({judge.class_names[label]})",
        "FD": f"{result['frechet_distance']:.3f}{note}",
        "floor": f"{result['floor']:.3f}  ({judge.floor_of})",
        "FD / floor": f"{result['ratio']:.2f}",
        "KID": _beside(result, "kid", ".4f"),
        "precision": _beside(result, "precision", ".3f"),
        "recall": _beside(result, "recall", ".3f"),
        "machine": f"{described(host)}, torch {host['torch']}",
    }
    return "\n".join(f"{name:<15} {value}" for name, value in rows.items())


def _beside(result: dict[str, Any], score: str, form: str) -> str:
    found = "-" if result[score] is None else format(result[score], form)
    return f"{found}  (reals: {result['reals'][score]:{form}})"


def grid(images_NHWC: NDArray[np.uint8], num_classes: int, rows: int = GRID_ROWS) -> bytes:
    """The first images as a PNG, seed 0 top left; a column shows one class."""
    return write_png(contact_sheet(images_NHWC[: rows * num_classes], columns=num_classes))


def main(arguments: list[str] | None = None) -> None:
    """Draw, judge, print."""
    parser = argparse.ArgumentParser(description="Measure a served model of digits or avatars.")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="where the service answers")
    parser.add_argument("--model", default="digits", help="model reference, NAME@VERSION to pin one")
    parser.add_argument("--images", type=int, help="how many images, seeds 0 to N-1; default: as many as compare")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--grid", type=Path, help="also write the first images as a PNG")
    options = parser.parse_args(arguments)
    if options.images is not None and options.images < 2:
        parser.error("--images must be at least 2")
    try:
        with httpx.Client(base_url=options.url, timeout=60, trust_env=False) as client:
            drawing = draw(client, options.model, options.images)
            class_names = class_names_of(client, drawing)
        if options.grid:
            options.grid.write_bytes(grid(drawing.images, drawing.kind.num_classes))
        examination, judge = examined(drawing, class_names)
    except (Refusal, httpx.HTTPError, MissingPackages) as error:
        sys.exit(f"{options.url}: {error}")
    result = report(drawing, examination)
    print(json.dumps(result, allow_nan=False) if options.json else table(result, judge))


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


def _images(response: httpx.Response) -> NDArray[np.uint8]:
    """The images (n, H, W, C) of one response."""
    try:
        images: NDArray[np.uint8] = np.lib.format.read_array(io.BytesIO(response.content), allow_pickle=False)
    except ValueError as error:
        raise Refusal(f"/generate did not answer with a .npy ({error})") from error
    return images


def _kind(images: NDArray[np.uint8]) -> Kind:
    """Whose pictures these are."""
    for kind in KINDS.values():
        if images.dtype == np.uint8 and images.shape[1:] == kind.shape:
            return kind
    known = " or ".join(f"{kind.shape} ({kind.name})" for kind in KINDS.values())
    raise Refusal(f"the model draws {images.dtype} {images.shape[1:]}, and there are judges of uint8 {known}")


def _check_labels(response: httpx.Response, kind: Kind, seed: int, size: int) -> None:
    if "Label" not in response.headers:
        raise Refusal("the model is not conditional (no Label header), so no image has a class it ought to show")
    labels = [int(label) for label in re.findall(r"\d+", response.headers["Label"])]
    if labels != [number % kind.num_classes for number in range(seed, seed + size)]:
        told, count = response.headers["Label"][:40], kind.num_classes
        raise Refusal(f"the labels from seed {seed} on are {told!r}, not seed mod {count}: it has not {count} classes")


def class_names_of(client: httpx.Client, drawing: DrawnSample) -> list[str]:
    name, version = drawing.identity["Model"], drawing.identity["Model-Version"]
    response = client.get(f"/models/{name}/versions/{version}")
    if response.status_code != httpx.codes.OK:
        raise Refusal(f"/models answered {response.status_code}: {response.text[:500]}")
    return list(response.json()["labels"])


if __name__ == "__main__":
    main()
