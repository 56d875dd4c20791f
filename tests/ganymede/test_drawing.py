"""`client.generate` and `client.inspect` against a real API: what is drawn, and what the answer says of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganymede import Client
from ganymede.client import Drawing
from ganymede.client.runs import LogPart
from ganymede.schemas.drawings import DrawnImages, EncodedImage, InspectionBody, Provenance
from ganymede.schemas.runs import MetricsBody


def test_a_picture_comes_with_what_draws_it_again(api: str, tmp_path: Path) -> None:
    with Client(api) as client:
        first = client.generate(model="digits", label="7")
        again = client.generate(model=first.reference, seed=first.seed, label=first.label)

    assert first.content == again.content == first.save(tmp_path / "seven.png").read_bytes()
    assert (first.media_type, first.reference, first.label) == ("image/png", "digits@1", 7)
    assert first.digest.startswith("sha256:")
    assert first.timings.keys() == {"queue", "infer", "encode"}


def test_a_notebook_shows_a_picture_by_itself(api: str) -> None:
    with Client(api) as client:
        picture = client.generate(seed=1)
        numbers = client.generate(seed=1, format="npy")

    assert picture._repr_png_() == picture.content
    assert numbers._repr_png_() is None


def test_a_picture_is_had_as_pillow_and_as_numpy_have_it(api: str) -> None:
    with Client(api) as client:
        png, webp, npy, archive = (client.generate(seed=1, n=4, format=form) for form in ("png", "webp", "npy", "zip"))

    assert npy.to_numpy().shape == (4, 28, 28, 1)
    assert png.to_pil().size == webp.to_pil().size == (56, 56)
    assert (png.to_numpy()[:28, :28] == npy.to_numpy()[0, :, :, 0]).all()
    with pytest.raises(ValueError, match="application/zip is no picture"):
        archive.to_pil()


def test_many_pictures_may_be_of_many_classes(api: str) -> None:
    with Client(api) as client:
        several = client.generate(seed=1, n=3, label=[1, "2", 3], format="npy")
        same = client.generate(seed=1, n=3, label=4)

    assert (several.label, same.label) == ([1, 2, 3], 4)
    assert several.content.startswith(b"\x93NUMPY")


def test_a_picture_is_drawn_in_every_way(api: str) -> None:
    noise = np.random.RandomState(5).standard_normal((1, 128)).astype(np.float32)

    with Client(api) as client:
        chosen = client.generate(seeds=[5, 1, 9], truncation=0.5, scale=2, format="json")
        ranged = client.generate(seeds="5-7")
        by_seed = client.generate(seed=5, label=3, format="npy")
        by_noise = client.generate(z=noise, label=3, format="npy")

    images = DrawnImages.model_validate_json(chosen.content).images
    assert (chosen.seed, chosen.seeds, [image.seed for image in images]) == (5, [5, 1, 9], [5, 1, 9])
    assert (ranged.seed, ranged.seeds) == (5, None)
    assert (by_noise.seed, by_noise.content) == (None, by_seed.content)


def test_a_picture_is_inspected_by_its_bytes_or_as_a_file(api: str, tmp_path: Path) -> None:
    with Client(api) as client:
        drawn = client.generate(seed=1, n=3, metadata=True)
        told = client.inspect(drawn.content, verify=True)
        of_file = client.inspect(drawn.save(tmp_path / "x.png"))

    assert (told.recipe.seeds, told.recipe.labels, told.verified) == ([1, 2, 3], [1, 2, 3], True)
    assert (of_file.recipe, of_file.verified) == (told.recipe, None)


PICTURE = Drawing(bytes(1_000_000), "image/png", "digits", 1, "sha256:0", 0, list(range(99)), [3] * 99, {})
NOISE: dict[str, Any] = {"model": "digits", "version": 1, "digest": "sha256:0", "z": [[0.1] * 64] * 64}
POINTS: dict[str, Any] = {
    "x": "step",
    "columns": ["g_loss"],
    "data": [[0.0] * 5000] * 2,
    "attempts": [],
    "downsampled": None,
}
SHOWN: dict[str, Any] = {"seed": 1, "label": None, "label_name": None}


@pytest.mark.parametrize(
    "answer",
    [
        PICTURE,
        InspectionBody(recipe=Provenance(**NOISE), width=8, height=8, verified=None, reason=None),
        EncodedImage(png="A" * 100_000, **SHOWN),
        MetricsBody(**POINTS),
        LogPart("a line\n" * 100_000, 700_000),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_what_is_shown_of_an_answer_is_one_line(answer: object) -> None:
    assert len(repr(answer)) < 300
    assert "\n" not in repr(answer)


def test_what_is_shown_of_a_picture_says_what_it_is() -> None:
    several = "<Drawing digits@1 seed=[0, 1, 2, 3, 4, 5, ...] label=[3, 3, 3, 3, 3, 3, ...]: image/png, 1000000 bytes>"

    assert repr(PICTURE) == several
    assert repr(replace(PICTURE, seeds=None, seed=0, label=None)).startswith("<Drawing digits@1 seed=0 label=None: ")
