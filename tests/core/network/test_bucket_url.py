"""GANYMEDE_STORE and its server: what they may be, and that no secret of theirs is told."""

from pathlib import Path

import pytest

from core.network.bucket_url import BucketUrl
from core.settings import SettingsError, load_settings


@pytest.mark.parametrize(
    ("given", "bucket", "folder"),
    [
        ("s3://pictures", BucketUrl("pictures", ""), "var/store"),
        ("s3://pictures/of/us/", BucketUrl("pictures", "of/us"), "var/store"),
        ("file:///data/a%20b", None, "/data/a b"),
        ("data", None, "data"),
    ],
)
def test_a_store_is_a_folder_or_a_bucket(
    monkeypatch: pytest.MonkeyPatch, given: str, bucket: BucketUrl | None, folder: str
) -> None:
    monkeypatch.setenv("GANYMEDE_STORE", given)

    settings = load_settings()

    assert (settings.bucket, settings.store_path) == (bucket, Path(folder).absolute())


@pytest.mark.parametrize(
    ("name", "value"), [("STORE", "s3://key:secret@pictures/x"), ("STORE_ENDPOINT", "https://key:secret@s3.example")]
)
def test_a_secret_in_the_address_of_a_store_is_refused_and_not_told(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"GANYMEDE_{name}", value)

    with pytest.raises(SettingsError, match="AWS_SECRET_ACCESS_KEY") as refused:
        load_settings()

    assert "secret@" not in str(refused.value)
