"""`ganymede keys`: made, listed and revoked on the file, whatever the service does."""

import json
import re
from pathlib import Path

import pytest

from core.keys import LastUse
from tests.ganymede.conftest import Run

KEY = re.compile(r"gnm_[0-9a-f]{12}_[0-9a-f]{64}")


def test_a_key_is_the_only_line_on_stdout_and_in_no_other(run: Run, tmp_path: Path) -> None:
    made = run("keys", "create", "printer", "--scope", "generate,train", "--scope", "models:write", "--expires", "90d")
    listed = run("keys", "list")
    revoked = run("keys", "revoke", "printer")
    again = json.loads(run("keys", "list", "--json").stdout)["data"]

    assert made.returncode == 0, made.stderr
    assert KEY.fullmatch(made.stdout.strip())
    secret = made.stdout.strip()[17:]
    assert "shown this once" in made.stderr
    assert secret not in made.stderr + listed.stdout + listed.stderr + revoked.stdout + revoked.stderr
    assert listed.stdout.splitlines()[1].split("\t")[:4] == [
        made.stdout[:16],
        "printer",
        "generate,train,models:write",
        "ok",
    ]
    assert revoked.returncode == 0
    assert [(each["id"], each["state"]) for each in again] == [(made.stdout[:16], "revoked")]
    audit = [json.loads(line) for line in (tmp_path / "var" / "audit.jsonl").read_text().splitlines()]
    assert [(each["by"], each["what"], each["about_key"]) for each in audit] == [
        ("command", "keys create", made.stdout[:16]),
        ("command", "keys revoke", made.stdout[:16]),
    ]
    assert (tmp_path / "var" / "api-keys.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("create", "me"), "scope: one of read, generate, train, models:write, datasets:write, webhooks:write, admin"),
        (("create", "me", "--scope", "all"), "scope: one of read, generate"),
        (("create", "a\nb", "--scope", "read"), "name: "),
        (("create", "me", "--scope", "read", "--expires", "soon"), "expires: 30m, 12h"),
        (("create", "me", "--scope", "read", "--expires", "2001-01-01"), "expires: a time to come"),
        (("create", "me", "--scope", "read", "--expires", "999999w"), "expires: 30m, 12h"),
        (("revoke", "nobody"), "key: there is no key"),
    ],
)
def test_what_cannot_be_is_one_line_that_names_it(run: Run, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    done = run("keys", *words)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"ganymede: {told}")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "var" / "api-keys.json").exists()


def test_another_file_may_be_named_and_a_damaged_one_is(run: Run, tmp_path: Path) -> None:
    assert run("keys", "create", "--scope", "read", api_keys_file="mine.json").returncode == 0
    (tmp_path / "mine.json").write_text("{")

    done = run("keys", "list", api_keys_file="mine.json")

    assert done.returncode == 1
    assert "mine.json holds no list of keys" in done.stderr


def test_a_key_is_changed_rotated_and_listed_with_its_last_use(run: Run, tmp_path: Path) -> None:
    first = run("keys", "create", "ci", "--scope", "train", "--per-minute", "5").stdout.strip()
    LastUse(tmp_path / "var" / "key-last-use.json").note(first[:16])

    changed = run("keys", "change", "ci", "--per-minute", "any", "--training-minutes-a-day", "90", "--expires", "90d")
    rotated = run("keys", "rotate", "ci", "--old-for", "2h")
    row = run("keys", "list").stdout.splitlines()[1].split("\t")
    listed = json.loads(run("keys", "list", "--json").stdout)["data"][0]

    assert (changed.returncode, changed.stdout) == (0, "")
    assert KEY.fullmatch(rotated.stdout.strip())
    assert rotated.stdout[:16] == first[:16] != rotated.stdout.strip()
    assert "The old one ends at" in rotated.stderr
    assert row[-1] == "90 training minutes a day"
    assert (listed["per_minute"], listed["training_minutes_a_day"]) == (None, 90)
    assert listed["last_used_at"].startswith("20")
    assert not {"sha256", "old_sha256"} & listed.keys()
    audit = [json.loads(line)["what"] for line in (tmp_path / "var" / "audit.jsonl").read_text().splitlines()]
    assert audit == ["keys create", "keys change", "keys rotate"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("change", "ci"), "key: nothing is to be changed"),
        (("change", "ci", "--per-minute", "many"), "per-minute: a number, or any"),
        (("change", "ci", "--images-a-day", "-1"), "images-a-day: a number, or any"),
        (("change", "nobody", "--per-minute", "1"), "key: there is no key"),
        (("rotate", "ci", "--old-for", "later"), "old-for: 30m"),
    ],
)
def test_a_change_that_cannot_be_is_one_line_that_names_it(run: Run, words: tuple[str, ...], told: str) -> None:
    run("keys", "create", "ci", "--scope", "train")

    done = run("keys", *words)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"ganymede: {told}"), done.stderr
