"""`ganymede datasets`: a folder or a zip of pictures in, a contact sheet out, against a real service."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from ganymede import Client
from ganymede.errors import ApiError
from tests.ganymede.conftest import Ganymede
from tests.sounds import two_tones
from tests.uploads import class_folders, picture


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """A folder of pictures in class folders, and one that is none."""
    for i in range(6):
        path = tmp_path / "pets" / ("cat", "dog")[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture((40, 40), seed=i))
    (tmp_path / "pets" / "cat" / "broken.jpg").write_bytes(b"no picture")
    return tmp_path / "pets"


@pytest.fixture
def client(api: str) -> Iterator[Client]:
    with Client(api) as ready:
        yield ready
        with contextlib.suppress(ApiError):
            ready.datasets.delete("pets")


def test_a_folder_of_pictures_becomes_a_dataset_and_what_is_bad_is_told(
    api: str, ganymede: Ganymede, pets: Path, client: Client
) -> None:
    done = ganymede("datasets", "import", "pets", str(pets), "--size", "32", url=api)

    body = client.datasets.get("pets")
    assert done.exit_code == 0, done.stderr
    assert "6 of 7 files taken, 1 bad" in done.stderr
    assert "cat/broken.jpg: is no PNG" in done.stderr
    assert "6 were smaller" not in done.stderr
    assert (body.count, body.height, body.class_names, body.source) == (6, 32, ["cat", "dog"], "upload of pets.tar")
    assert "classes\tcat 3, dog 3" in done.stdout
    assert [each.name for each in pets.parent.iterdir()] == ["pets"]


def test_a_dataset_is_shown_looked_at_and_deleted(api: str, ganymede: Ganymede, tmp_path: Path) -> None:
    (tmp_path / "pets.zip").write_bytes(class_folders())
    made = ganymede("datasets", "import", "pets", str(tmp_path / "pets.zip"), "-q", url=api)
    again = ganymede("datasets", "import", "pets", str(tmp_path / "pets.zip"), url=api)
    seen = ganymede("datasets", "preview", "pets", "-l", "dog", "-o", str(tmp_path / "dogs.png"), url=api)
    gone = ganymede("datasets", "rm", "pets", url=api)
    missing = ganymede("datasets", "show", "pets", url=api)

    assert (made.stdout, made.stderr) == ("pets\n", "")
    assert "pets unchanged" in again.stderr
    assert seen.exit_code == 0
    with Image.open(tmp_path / "dogs.png") as sheet:
        assert sheet.size == (160, 16)
    assert (gone.exit_code, gone.stderr) == (0, "deleted pets\n")
    assert missing.exit_code == 1


def test_the_client_says_which_option_is_wrong(client: Client, tmp_path: Path) -> None:
    (tmp_path / "pets.zip").write_bytes(class_folders())

    with pytest.raises(ApiError, match="/size") as refused:
        client.datasets.add("pets", tmp_path / "pets.zip", size=63)

    assert refused.value.errors[0].pointer == "/size"


def test_a_folder_is_no_file_for_curl_and_comes_alone(ganymede: Ganymede, pets: Path) -> None:
    curl = ganymede("datasets", "import", "pets", str(pets), "--curl")
    two = ganymede("datasets", "import", "pets", str(pets), str(pets))

    assert (curl.exit_code, "with --curl give a zip" in curl.stderr) == (1, True)
    assert (two.exit_code, "one folder at a time" in two.stderr) == (2, True)


def test_a_dataset_of_sounds_can_be_heard(api: str, ganymede: Ganymede, tmp_path: Path) -> None:
    (tmp_path / "tones.zip").write_bytes(two_tones())

    imported = ganymede("datasets", "import", "tones", str(tmp_path / "tones.zip"), url=api)
    heard = ganymede("datasets", "clip", "tones", "-l", "low", "-o", str(tmp_path / "low.wav"), url=api)

    assert (imported.exit_code, heard.exit_code) == (0, 0)
    assert heard.stderr == f"tones -> {tmp_path / 'low.wav'}\n"
    with Client(api) as client:
        assert client.datasets.clip("tones", label=1) == (tmp_path / "low.wav").read_bytes()
        assert client.datasets.get("tones").audio is not None
        client.datasets.delete("tones")
