"""Secrets that sign webhooks: verified by the library of the standard, kept where nobody else reads them."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from core.errors import Conflict, NotFound, StoreDamaged
from core.network.webhooks.signing import SecretsFile, SigningSecret
from ganymede.schemas.keys import KeyRef

PAYLOAD = '{"type": "run.end", "data": "Grüße"}'.encode()
ANN = KeyRef(id="gnm_aaaaaaaaaaaa", name="ann")


@pytest.fixture
def file(tmp_path: Path) -> SecretsFile:
    return SecretsFile(tmp_path / "home" / "webhook-secrets.json")


def headers_of(secret: SigningSecret, at: float | None = None) -> dict[str, str]:
    sent = int(time.time() if at is None else at)
    signature = secret.signature("msg_1", sent, PAYLOAD)
    return {"webhook-id": "msg_1", "webhook-timestamp": str(sent), "webhook-signature": signature}


def verifies(text: str, headers: dict[str, str]) -> bool:
    try:
        Webhook(text).verify(PAYLOAD, headers)
    except WebhookVerificationError:
        return False
    return True


def test_the_library_of_the_standard_verifies_a_signature(file: SecretsFile) -> None:
    one, other = file.create("one", None), file.create("other", None)

    assert verifies(one.text.get_secret_value(), headers_of(one))
    assert not verifies(other.text.get_secret_value(), headers_of(one))
    assert not verifies(one.text.get_secret_value(), headers_of(one) | {"webhook-id": "msg_2"})


def test_a_rotated_secret_signs_beside_the_new_one_for_a_while(file: SecretsFile) -> None:
    before = file.create("one", ANN)

    after = file.rotate("one", timedelta(hours=1))

    old, new = before.text.get_secret_value(), after.text.get_secret_value()
    assert (after.id, after.made_by) == (before.id, ANN)
    assert old != new
    assert [verifies(text, headers_of(file.get("one"))) for text in (old, new)] == [True, True]
    late = headers_of(file.get("one"), time.time() + 3601)
    assert len(late["webhook-signature"].split()) == 1


def test_a_secret_is_kept_for_its_owner_alone_and_is_in_no_text(file: SecretsFile) -> None:
    made = file.create("one", ANN)

    text = made.text.get_secret_value()
    assert text.startswith("whsec_")
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert text not in repr(made) + str(made) + str(made.model_dump())
    assert file.get("one") == made


def test_a_name_is_given_once_and_is_free_when_its_secret_is_deleted(file: SecretsFile) -> None:
    first = file.create("one", None)
    with pytest.raises(Conflict, match="already"):
        file.create("one", None)

    file.delete("one")

    with pytest.raises(NotFound, match="POST /webhooks/secrets"):
        file.get("one")
    assert file.create("one", None).id != first.id


def test_a_damaged_file_is_told_without_what_is_in_it(file: SecretsFile) -> None:
    text = file.create("one", None).text.get_secret_value()
    file.path.write_text(file.path.read_text().replace('"name"', '"nome"'))

    with pytest.raises(StoreDamaged) as damaged:
        file.all()

    assert text not in str(damaged.value)
