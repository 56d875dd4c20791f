"""manifest.json of a version: read and written again it is the same bytes, whichever build wrote it."""

import json
import tarfile
from pathlib import Path

import pytest

import models
from core.errors import StoreDamaged
from core.registry import PublishKey
from core.registry.manifest import MANIFEST_FILE, VersionManifest
from tests.manifests import rewrite_manifest, version_manifest, write_manifest

KEPT = Path(__file__).parents[2] / "worker" / "kept" / "store.tar.xz"
STARTERS = sorted((Path(models.__file__).parent / "starter").glob(f"*/{MANIFEST_FILE}"))
KEY = PublishKey("run_00000000000000000000", 0, 100)


def of_an_older_build(folder: Path) -> list[Path]:
    with tarfile.open(KEPT) as archive:
        archive.extractall(folder, filter="data")
    return [path for path in folder.rglob(MANIFEST_FILE) if "datasets" not in path.parts]


def test_what_any_build_wrote_is_written_again_as_it_was(tmp_path: Path) -> None:
    written = [*STARTERS, *of_an_older_build(tmp_path)]

    for path in written:
        VersionManifest.read(path).write(tmp_path / "again")
        assert (tmp_path / "again").read_bytes() == path.read_bytes()

    assert len(written) > 4


def test_what_is_usual_is_not_written_and_what_is_not_is_read_back(tmp_path: Path) -> None:
    named = {"task": "inpainting", "medium": "audio", "revision": 2}
    usual, other = version_manifest(KEY), version_manifest(KEY, **named)

    other.write(tmp_path / MANIFEST_FILE)

    assert (usual.task, usual.medium, usual.revision) == ("generation", "image", 1)
    assert usual.to_json().keys().isdisjoint(named)
    assert VersionManifest.read(tmp_path / MANIFEST_FILE) == other
    assert {name: other.to_json()[name] for name in named} == named


def test_what_a_newer_build_added_is_kept(tmp_path: Path) -> None:
    write_manifest(tmp_path, KEY)
    rewrite_manifest(tmp_path, invented={"a": [1]})

    VersionManifest.read(tmp_path / MANIFEST_FILE).write(tmp_path / "again")

    assert json.loads((tmp_path / "again").read_text())["invented"] == {"a": [1]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("step", "100"), ("step", True), ("labels", None), ("labels", "abc"), ("digest", None), ("task", 7)),
        *(("metrics", {"fd": "low"}), ("dataset", "shapes"), ("revision", "2"), ("files", {"a": {"bytes": 1}})),
    ],
)
def test_a_field_of_another_type_is_damage_and_named(tmp_path: Path, field: str, value: object) -> None:
    write_manifest(tmp_path, KEY)
    rewrite_manifest(tmp_path, **{field: value})

    with pytest.raises(StoreDamaged, match=rf"manifest\.json cannot be used: {field}$"):
        VersionManifest.read(tmp_path / MANIFEST_FILE)
