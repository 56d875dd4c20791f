"""The dataset of avatars: a function of style and number, under CC0, with pictures apart to judge by."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

import models
from bench import avatars
from models.starters import AVATARS


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "avatars.zip"
    avatars.main([str(path), "--per-class", "3"])
    return path


def test_the_zip_has_a_folder_of_pictures_for_each_style(archive: Path) -> None:
    names = zipfile.ZipFile(archive).namelist()

    assert {name.split("/")[0] for name in names} == set(avatars.STYLES)
    assert len(names) == 3 * len(avatars.STYLES)


def test_the_same_command_writes_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    avatars.main([str(tmp_path / "again.zip"), "--per-class", "3"])

    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()


def test_pictures_are_opaque_and_in_colour() -> None:
    images_NHWC, labels_N = avatars.arrays(per_class=2)

    assert images_NHWC.shape == (2 * len(avatars.STYLES), 64, 64, 3)
    assert images_NHWC.dtype == np.uint8
    assert [int((labels_N == label).sum()) for label in range(len(avatars.STYLES))] == [2] * len(avatars.STYLES)
    assert (images_NHWC.max(axis=3) != images_NHWC.min(axis=3)).any(axis=(1, 2)).all()


def test_pictures_to_judge_by_are_none_of_those_that_are_trained_on() -> None:
    trained_on, _ = avatars.arrays(per_class=20)
    held_out, _ = avatars.arrays(per_class=20, first=avatars.HELD_OUT)

    assert not {image.tobytes() for image in trained_on} & {image.tobytes() for image in held_out}


def test_fewer_are_the_first_of_each_class() -> None:
    assert np.array_equal(avatars.arrays(per_class=1)[0], avatars.arrays(per_class=2)[0][::2])


def test_a_style_that_is_not_under_cc0_is_refused() -> None:
    with pytest.raises(ValueError, match="the style micah is not under CC0"):
        next(avatars.drawn("micah", 0, 1))


def test_what_was_drawn_once_is_kept(tmp_path: Path) -> None:
    drawn_NHWC, labels_N = avatars.kept(tmp_path, per_class=2, first=5)
    drawn_at = [path.stat().st_mtime_ns for path in tmp_path.iterdir()]

    kept_NHWC, _ = avatars.kept(tmp_path, per_class=2, first=5)

    assert np.array_equal(drawn_NHWC, avatars.arrays(per_class=2, first=5)[0])
    assert np.array_equal(kept_NHWC, drawn_NHWC)
    assert labels_N.tolist() == [label for label in range(len(avatars.STYLES)) for _ in range(2)]
    assert [path.stat().st_mtime_ns for path in tmp_path.iterdir()] == drawn_at


def test_the_notice_names_every_style_its_creator_and_its_licence() -> None:
    notice = avatars.notice()

    assert all(f"- `{style}`: " in notice for style in avatars.STYLES)
    assert notice.count('licensed under "CC0 1.0"') == len(avatars.STYLES)
    assert 'by "Pablo Stanley"' in notice
    assert avatars.attribution().endswith("Open Peeps by Pablo Stanley")
    assert (Path(models.__file__).parent / "starter" / AVATARS / "NOTICE.md").read_text() == notice
