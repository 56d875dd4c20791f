"""`ganymede store`: one store to another, without a service."""

from pathlib import Path

import pytest

from core.registry import Registry
from core.store import Store
from models.starters import install_starters
from tests.ganymede.conftest import Run


def test_all_models_of_a_folder_are_in_another_and_a_repeat_says_so(run: Run, tmp_path: Path) -> None:
    install_starters(Registry(Store(tmp_path / "here")))

    done, again = run("store", "copy", "here", f"file://{tmp_path}/there"), run("store", "copy", "here", "there")

    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [f"{name}@1  copied" for name in ("avatars", "digits", "digits-complete")]
    assert done.stdout.startswith("3 versions copied (")
    assert again.stdout == "0 versions copied (0 bytes), 3 were there; all checked\n"
    assert Registry(Store(tmp_path / "there")).pointers("digits").aliases == {"latest": 1}


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        ("nowhere", "here", "nowhere is no store: it has no folder models"),
        ("here", "gs://bucket", "gs: a folder, file:///FOLDER or s3://BUCKET/PREFIX"),
        ("here", "s3://key:secret@bucket/x", "s3: no key and no password belongs here"),
        ("here", "s3://B/x", "s3: the name of a bucket has 3 to 63 small letters"),
    ],
)
def test_an_address_that_is_no_store_is_named_and_no_secret_of_it(
    run: Run, tmp_path: Path, source: str, target: str, told: str
) -> None:
    Store(tmp_path / "here")

    done = run("store", "copy", source, target)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"ganymede: {told}")
    assert "secret" not in done.stderr
