"""From a network to a version: what the manifest says, shared bytes, and that damage is never published."""

import json
import os
import shutil
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from core.errors import Conflict, StoreDamaged
from core.registry import Registry, VersionManifest
from core.registry.manifest import MANIFEST_FILE
from core.store import check_files
from ganymede.schemas.references import ModelRef
from models.architectures import ARCHITECTURES
from models.publish import publish_folder
from models.sizes import UNetConfig
from models.version import read_manifest
from models.weights import load_generator
from models.writing import Lineage, write_generator
from tests.fixtures import TINY, files_of
from tests.manifests import changed

FILES = ["generator.safetensors", "manifest.json", "samples.webp"]


def test_the_manifest_says_what_is_drawn_and_where_it_comes_from(folder: Path, lineage: Lineage) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())

    assert sorted(os.listdir(folder)) == FILES
    assert {key: manifest[key] for key in ("schema", "run", "branch", "step", "images_seen", "recipe")} == {
        "schema": 1,
        "run": lineage.run,
        "branch": 1,
        "step": 200,
        "images_seen": 12_800,
        "recipe": "cgan",
    }
    assert [manifest[key] for key in ("architecture", "image_size", "channels", "latent_dim", "noise")] == [
        *("dcgan", 8, 1, 4, "standard_normal")
    ]
    assert manifest["labels"] == ["circle", "square", "cross"]
    assert manifest["metrics"] == {"fd": 3.5, "kid": None}
    assert manifest["dataset"] == {
        "name": "shapes",
        "version": "0123456789abcdef",
        "digest": "sha256:01",
        "licence": "CC0-1.0",
        "attribution": "nobody",
    }
    assert manifest["digest"] == f"sha256:{manifest['files']['generator.safetensors']['sha256']}"
    check_files(folder, VersionManifest.read(folder / "manifest.json").files)


def test_the_manifest_names_the_classes_that_had_images_where_some_had_none(
    tmp_path: Path, generator: nn.Module, lineage: Lineage
) -> None:
    manifests = {}
    for counts in ((0, 9, 1), (5, 9, 1)):
        folder = tmp_path / str(counts)
        folder.mkdir()
        write_generator(
            folder, generator, replace(lineage, dataset=changed(lineage.dataset, class_counts=list(counts)))
        )
        manifests[counts] = json.loads((folder / "manifest.json").read_text())

    assert manifests[0, 9, 1]["default_labels"] == [1, 2]
    assert manifests[0, 9, 1]["labels"] == ["circle", "square", "cross"]
    assert manifests[5, 9, 1]["default_labels"] is None


def test_an_unconditional_network_has_no_labels_whatever_its_dataset_has(
    tmp_path: Path, generator: nn.Module, lineage: Lineage
) -> None:
    network = replace(TINY, num_classes=0)
    plain = type(generator)(network).eval()

    write_generator(tmp_path, plain, replace(lineage, network=network))

    assert json.loads((tmp_path / "manifest.json").read_text())["labels"] == []


def test_the_same_network_has_the_same_digest(
    tmp_path: Path, folder: Path, generator: nn.Module, lineage: Lineage
) -> None:
    write_generator(tmp_path, generator, replace(lineage, step=300))

    for name in ("generator.safetensors", "samples.webp"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def write_completing(folder: Path, lineage: Lineage) -> Path:
    sizes = UNetConfig(image_size=8, channels=1, latent_dim=4, width=16, num_classes=3)
    folder.mkdir()
    made = replace(lineage, architecture="unet", network=sizes, step=300)
    write_generator(folder, ARCHITECTURES["unet"].generator(sizes).eval(), made)
    return folder


def test_a_published_version_is_a_copy_that_no_damage_to_its_source_reaches(registry: Registry, folder: Path) -> None:
    version, is_new = publish_folder(registry, "shapes", folder)

    published = registry.folder("shapes", version)
    assert (version, is_new, registry.resolve(ModelRef("shapes"))) == (1, True, 1)
    assert sorted(os.listdir(published)) == FILES
    assert not any((published / name).samefile(folder / name) for name in FILES)
    assert all((published / name).read_bytes() == (folder / name).read_bytes() for name in FILES)
    assert registry.manifest("shapes", 1).step == 200


def test_a_version_for_another_task_is_not_published_by_hand_under_the_name_of_a_model(
    registry: Registry, folder: Path, tmp_path: Path, lineage: Lineage
) -> None:
    completing = write_completing(tmp_path / "completing", lineage)
    publish_folder(registry, "shapes", folder, by_hand=True)

    with pytest.raises(Conflict, match="has versions for generation, and this one is for completion"):
        publish_folder(registry, "shapes", completing, by_hand=True)
    version, _ = publish_folder(registry, "mended", completing, by_hand=True)

    assert registry.versions("shapes") == [1]
    assert registry.manifest("mended", version).task == "completion"


def test_of_two_first_versions_at_once_for_two_tasks_one_is_published(
    registry: Registry, folder: Path, tmp_path: Path, lineage: Lineage
) -> None:
    completing = write_completing(tmp_path / "completing", lineage)

    with ThreadPoolExecutor() as pool:

        def fill(target: Path) -> None:
            shutil.copytree(folder, target, dirs_exist_ok=True)
            others.append(pool.submit(publish_folder, registry, "shapes", completing, by_hand=True))
            wait(others, timeout=0.3)  # it cannot end: this one is not published yet

        others: list[Future[tuple[int, bool]]] = []
        key = read_manifest(folder / MANIFEST_FILE).key
        registry.publish("shapes", key, fill, by_hand=True)
        with pytest.raises(Conflict, match="has versions for generation"):
            others[0].result()

    assert registry.versions("shapes") == [1]


def test_a_version_outlives_the_checkpoint_it_came_from(registry: Registry, folder: Path, generator: nn.Module) -> None:
    publish_folder(registry, "shapes", folder)
    for name in FILES:
        (folder / name).unlink()

    loaded, _ = load_generator(registry.folder("shapes", 1) / "generator.safetensors")

    wanted = generator.state_dict()
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in loaded.state_dict().items())


def test_publishing_the_same_step_again_is_a_no_op(registry: Registry, folder: Path) -> None:
    publish_folder(registry, "shapes", folder)
    before = registry.pointers("shapes")

    again = publish_folder(registry, "shapes", folder)

    assert again == (1, False)
    assert registry.pointers("shapes") == before


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [cut, Path.unlink])
def test_a_damaged_folder_is_not_published(registry: Registry, folder: Path, name: str, damage: object) -> None:
    assert callable(damage)
    damage(folder / name)
    if name == "manifest.json" and damage is cut:
        damage(folder / name)  # its last byte is the end of a line

    with pytest.raises(StoreDamaged, match=name):
        publish_folder(registry, "shapes", folder)

    assert registry.versions("shapes") == []


def test_one_flipped_bit_is_enough(registry: Registry, folder: Path) -> None:
    flip(folder / "generator.safetensors")

    with pytest.raises(StoreDamaged, match=r"generator\.safetensors does not match its digest"):
        publish_folder(registry, "shapes", folder)


@pytest.mark.parametrize(
    "change",
    [
        *(
            {"schema": 2},
            {"files": None},
            {"files": {}},
            {"files": []},
            {"run": None},
            {"step": "200"},
            {"branch": 1.5},
        ),
        {
            "files": {
                "../secret": {"bytes": 6, "sha256": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}
            }
        },
    ],
)
def test_a_manifest_that_makes_no_sense_is_not_published(
    registry: Registry, folder: Path, change: dict[str, object]
) -> None:
    (folder.parent / "secret").write_text("secret")
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))

    with pytest.raises(StoreDamaged):
        publish_folder(registry, "shapes", folder)

    assert registry.versions("shapes") == []
    assert not files_of(registry).has("models/secret")


@pytest.mark.parametrize("missing", ["files", "run", "branch", "step"])
def test_a_manifest_without_what_publishing_needs_is_not_published(
    registry: Registry, folder: Path, missing: str
) -> None:
    path = folder / "manifest.json"
    body = json.loads(path.read_text())
    del body[missing]
    path.write_text(json.dumps(body))

    with pytest.raises(StoreDamaged, match=r"generator/manifest\.json"):
        publish_folder(registry, "shapes", folder)
