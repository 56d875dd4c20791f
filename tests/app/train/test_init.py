"""POST /train with `init`: what weights may be, and what is said of those that cannot be."""

from typing import Any

import httpx
import numpy as np
import pytest

from core.datasets import Dataset, DatasetStore, ImageSet, Origin
from core.registry import Registry
from core.store import Store
from models.sizes import DCGANConfig
from tests.fixtures import PublishTiny
from tests.manifests import rewrite_manifest

NOBODY = "run_00000000000000000001"


async def start(api: httpx.AsyncClient, recipe: str = "cgan", dataset: str = "shapes", **body: Any) -> httpx.Response:
    return await api.post("/train", json={"recipe": recipe, "dataset": dataset, **body})


async def test_what_is_auto_becomes_what_fits_the_weights(
    api: httpx.AsyncClient, publish_tiny: PublishTiny, shapes: Dataset, registry: Registry
) -> None:
    publish_tiny()

    answer = await start(api, init="tiny")
    publish_tiny(seed=1)
    later = await api.get(answer.headers["Location"])

    digest = registry.manifest("tiny", 1).digest
    body = answer.json()
    assert answer.status_code == 202
    assert body["init"] == {"reference": "tiny@1", "digest": digest, "counterpart": "fresh", "labels": "kept"}
    assert (body["resolved"]["width"], body["resolved"]["latent_dim"], body["resolved"]["init"]) == (16, 4, "tiny@1")
    assert later.json()["init"] == body["init"]


async def test_a_run_without_it_has_none(api: httpx.AsyncClient, shapes: Dataset) -> None:
    body = (await start(api)).json()

    assert body["init"] is None
    assert "init" not in body["resolved"]


async def test_a_recipe_that_may_learn_labels_does_as_the_weights_do(
    api: httpx.AsyncClient, publish_tiny: PublishTiny, shapes: Dataset
) -> None:
    publish_tiny()

    assert (await start(api, "lsgan", init="tiny@1")).json()["resolved"]["conditional"] is True


@pytest.mark.parametrize("depth", [0, 2])
async def test_the_network_is_as_deep_as_that_of_the_weights_whatever_the_recipe_has(
    api: httpx.AsyncClient, publish_tiny: PublishTiny, shapes: Dataset, depth: int
) -> None:
    network = DCGANConfig(image_size=8, channels=1, latent_dim=4, width=16, num_classes=0, depth=depth)
    publish_tiny("plain", config=network)

    answer = await start(api, "dcgan", init="plain")

    assert answer.status_code == 202
    assert answer.json()["resolved"]["network"]["depth"] == depth


@pytest.mark.parametrize(
    ("init", "body", "told"),
    [
        ("nobody", {}, "there is no model 'nobody'"),
        ("tiny@9", {}, "has no version 9"),
        ("tiny:best", {}, "has no alias 'best'"),
        ("Not A Name", {}, "a name is"),
        ("run:latest", {}, "expected run:RUN_ID@STEP"),
        (f"run:{NOBODY}@latest", {}, f"there is no run '{NOBODY}'"),
        ("tiny", {"recipe": "sngan"}, "tiny@1 has architecture 'dcgan'; weights fit that are of architecture 'resnet'"),
        ("tiny", {"config": {"width": 32}}, "has width 16; weights fit"),
        ("tiny", {"config": {"latent_dim": 5}}, "has latent_dim 4; weights fit"),
        ("tiny", {"dataset": "large"}, "has image_size 8, channels 1; weights fit"),
        ("tiny", {"recipe": "dcgan"}, "has classes, and this run learns none"),
    ],
)
async def test_what_does_not_fit_is_refused_with_what_would(
    api: httpx.AsyncClient,
    publish_tiny: PublishTiny,
    shapes: Dataset,
    store: Store,
    init: str,
    body: dict[str, Any],
    told: str,
) -> None:
    publish_tiny()
    images = np.zeros((8, 16, 16, 3), np.uint8)
    DatasetStore(store).add("large", ImageSet(images, np.arange(8) % 2, ("a", "b")), Origin("a test"))
    before = store.names("runs")

    answer = await start(api, init=init, **body)

    assert answer.status_code == 422
    assert told in answer.json()["detail"]
    assert [problem["pointer"] for problem in answer.json()["errors"]] == ["/init"]
    assert store.names("runs") == before


@pytest.mark.parametrize(("field", "value"), [("task", "inpainting"), ("medium", "film"), ("revision", 2)])
async def test_a_version_of_a_kind_that_this_build_does_not_know_is_no_beginning(
    api: httpx.AsyncClient,
    publish_tiny: PublishTiny,
    shapes: Dataset,
    registry: Registry,
    field: str,
    value: str | int,
) -> None:
    rewrite_manifest(registry.folder("tiny", publish_tiny()), **{field: value})

    answer = await start(api, init="tiny")

    assert answer.status_code == 422
    assert f"has the {field} {value!r}; this build knows" in answer.json()["detail"]


async def test_a_damaged_version_is_no_beginning(
    api: httpx.AsyncClient, publish_tiny: PublishTiny, shapes: Dataset, registry: Registry
) -> None:
    version = publish_tiny()
    (registry.folder("tiny", version) / "generator.safetensors").write_bytes(b"")

    answer = await start(api, init="tiny")

    assert answer.status_code == 422
    assert "generator.safetensors" in answer.json()["detail"]
