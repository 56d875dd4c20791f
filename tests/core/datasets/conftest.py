"""What the tests of core/datasets share: an upload built in the test's own process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.datasets.build import Built, build
from core.datasets.order import ImportForm, ImportOrder, Limits, Upload

LIMITS = Limits(files=1000, bytes=10_000_000, pixels=1_000_000)

Build = Callable[..., Built]


@pytest.fixture
def take(tmp_path: Path) -> Build:
    """`take(data, ..., size="32")`: build what these files are; `files` has names for them, `limits` other limits."""

    def take_in(*files: bytes, names: tuple[str, ...] = (), limits: Limits = LIMITS, **form: Any) -> Built:
        folder = tmp_path / f"upload-{len(list(tmp_path.iterdir()))}"
        (folder / "work").mkdir(parents=True)
        uploads = []
        for i, data in enumerate(files):
            path = folder / f"file-{i}"
            path.write_bytes(data)
            uploads.append(Upload(path=path, filename=names[i] if names else f"upload {i}"))
        order = ImportOrder(form=ImportForm(name="some", **form), files=tuple(uploads), limits=limits)
        return build(order, folder / "work", lambda phase, done, total: None)

    return take_in
