"""The audit log: every change and who made it, in files that only their owner reads, and nothing secret in them."""

import json
import logging
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.keys import KeysFile, KeyWanted
from core.keys.audit import AuditLog, Deed
from core.settings import Settings
from ganymede.schemas.keys import KeyScope


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_a_change_and_a_refusal_are_written_down_and_reading_is_not(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    file = KeysFile(settings.keys_path)
    text = file.create(KeyWanted(name="me", scopes=(KeyScope.MODELS_WRITE,))).text.get_secret_value()
    shown = {"Authorization": f"Bearer {text}"}

    body = {"version": 1, "reason": "s3cret"}
    await client.put("/models/tiny/aliases/a", json=body, headers={**shown, "Request-Id": "one"})
    await client.delete("/datasets/mnist-10k", headers=shown)
    await client.delete("/models/nobody", headers=shown)
    await client.get("/models", headers=shown)
    await client.post("/train", json={}, headers={"Authorization": "Bearer x"})
    await client.delete(f"/models/{text}", headers=shown)

    me = {"id": text[:16], "name": "me"}
    found = entries(settings.audit_path)
    assert [(each["what"], each["status"]) for each in found] == [
        ("PUT /models/tiny/aliases/a", 201),
        ("DELETE /datasets/mnist-10k", 403),
        ("DELETE /models/nobody", 404),
    ]
    assert all(each["key"] == me and each["by"] == "api" for each in found)
    assert (found[0]["model"], found[0]["request_id"], found[0]["at"][-1]) == ("tiny", "one", "Z")
    written = settings.audit_path.read_text()
    assert "s3cret" not in written
    assert text[17:] not in written
    assert stat.S_IMODE(settings.audit_path.stat().st_mode) == 0o600


async def test_a_run_is_named_that_a_request_made(client: httpx.AsyncClient, settings: Settings) -> None:
    made = await client.post("/train", json={"recipe": "cgan", "dataset": "mnist-10k"})
    await client.post(f"/train/{made.json()['id']}/cancel")

    found = entries(settings.audit_path)
    assert [(each["what"].split("/")[1], each["run"]) for each in found] == [("train", made.json()["id"])] * 2
    assert [("key" in each) for each in found] == [False, False]


def test_it_is_rotated_by_size_and_its_lines_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"

    def write(number: int) -> None:
        AuditLog(path, max_bytes=1000, files_kept=3).note(Deed(what=f"deed {number}"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(100)))

    kept = sorted(each.name for each in tmp_path.glob("audit.jsonl*"))
    assert kept == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]
    assert all((tmp_path / name).stat().st_size <= 1000 for name in kept)
    assert all(each["what"].startswith("deed") for name in kept for each in entries(tmp_path / name))


def test_what_cannot_be_written_is_told_in_the_log_of_the_service(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    audit = AuditLog(tmp_path / "audit.jsonl")
    audit.path.mkdir()

    with caplog.at_level(logging.ERROR):
        audit.note(Deed(what="DELETE /models/tiny", status=204))

    assert audit.trouble is not None
    assert "Is a directory" in audit.trouble
    assert '"what": "DELETE /models/tiny"' in caplog.text
    audit.path.rmdir()
    audit.note(Deed(what="again"))
    assert audit.trouble is None
