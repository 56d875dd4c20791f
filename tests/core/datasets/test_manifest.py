"""manifest.json of a dataset: read and written again it is the same bytes, also in spec.json of a run."""

import json
import tarfile
from pathlib import Path

import pytest

from core.datasets.manifest import DatasetManifest
from core.errors import StoreDamaged
from core.runs.stored_spec import StoredSpec
from tests.manifests import dataset_manifest, rewrite_manifest

KEPT = Path(__file__).parents[2] / "worker" / "kept" / "store.tar.xz"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A store of an older build."""
    with tarfile.open(KEPT) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "store"


def test_what_an_older_build_wrote_is_written_again_as_it_was(kept: Path) -> None:
    (path,) = kept.glob("datasets/*/*/manifest.json")

    DatasetManifest.read(path).write(kept / "again")

    assert (kept / "again").read_bytes() == path.read_bytes()


def test_the_copy_that_a_run_has_of_it_is_written_as_it_was(kept: Path) -> None:
    stored = [json.loads(path.read_text()) for path in kept.glob("runs/*/spec.json")]

    written = [StoredSpec.model_validate(each).model_dump(mode="json", by_alias=True) for each in stored]

    assert len(stored) == 2
    assert [json.dumps(each["dataset"]) for each in written] == [json.dumps(each["dataset"]) for each in stored]


@pytest.mark.parametrize("field", ["mean", "std", "duplicates", "options"])
def test_what_the_first_builds_did_not_measure_is_not_there(kept: Path, field: str) -> None:
    (path,) = kept.glob("datasets/*/*/manifest.json")
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != field}))

    manifest = DatasetManifest.read(path)

    assert getattr(manifest, field) is None
    assert field not in manifest.to_json()


@pytest.mark.parametrize(
    ("field", "value"),
    [("count", "12"), ("class_names", "abc"), ("class_counts", None), ("name", 7), ("files", []), ("mean", [None])],
)
def test_a_field_of_another_type_is_damage_and_named(tmp_path: Path, field: str, value: object) -> None:
    dataset_manifest().write(tmp_path / "manifest.json")
    rewrite_manifest(tmp_path, **{field: value})

    with pytest.raises(StoreDamaged, match=rf"manifest\.json cannot be used: {field}$"):
        DatasetManifest.read(tmp_path / "manifest.json")
