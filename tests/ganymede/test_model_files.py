"""`ganymede models`: aliases moved with care, and a version's two files out and in again."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.ganymede.conftest import Ganymede
from tests.ganymede.contract import Answer, Contract, page, problem

WEIGHTS = bytes(range(256)) * 1000
DIGEST = f"sha256:{hashlib.sha256(WEIGHTS).hexdigest()}"
ALIAS = {"alias": "production", "version": 7, "previous": 6, "changed_at": None, "reason": None}
PATH = "/models/mine/aliases/production"


def version(number: int = 3) -> dict[str, Any]:
    facts = {
        "model": "digits",
        "step": 10,
        "run": "run_1",
        "recipe": "cgan",
        "dataset": {"name": "shapes"},
        "labels": ["a"],
    }
    sizes = {"image_size": 8, "channels": 1, "latent_dim": 4, "metrics": {}, "bytes": 9, "created_at": "now"}
    return {**facts, **sizes, "version": number, "digest": DIGEST, "is_loaded": False, "problem": None, "links": {}}


@pytest.fixture
def model(contract: Contract) -> Contract:
    """`mine`, with the versions 3 and 4; production is 3."""
    body = {"name": "mine", "aliases": {"latest": 4, "production": 3}, "newest_version": 4, "served_version": 3}
    body |= {"task": "completion", "medium": "image"}
    whole = {**body, "versions": [version(4), version(3)], "damaged_versions": {"2": "is gone"}}
    contract.on("GET", "/models", page(body))
    contract.on("GET", "/models/mine", Answer(whole))
    contract.on("GET", "/models/mine/versions/3", Answer(version()))
    contract.on("GET", "/models/mine/versions/3/weights", Answer(WEIGHTS))
    contract.on("GET", "/models/mine/versions/3/manifest", Answer(b'{"schema": 1}'))
    contract.on("POST", "/models/mine/versions", Answer(version(5), 201))
    return contract


def test_models_and_their_versions_are_listed(model: Contract, ganymede: Ganymede) -> None:
    listed, shown = ganymede("models", "ls"), ganymede("models", "show", "mine")

    assert listed.stdout.splitlines()[1] == "mine\t4\t3\tlatest=4, production=3\tcompletion\timage"
    assert [line.split("\t")[:5] for line in shown.stdout.splitlines()[1:]] == [
        ["4", "10", "cgan", "shapes", "latest"],
        ["3", "10", "cgan", "shapes", "production"],
    ]
    assert "version 2 cannot be used: is gone" in shown.stderr
    assert ganymede("models", "show", "mine", "-q").stdout == "mine@4\nmine@3\n"


def test_promoting_moves_the_alias(contract: Contract, ganymede: Ganymede) -> None:
    contract.on("PUT", PATH, Answer(ALIAS))

    done = ganymede("models", "promote", "mine", "7", "--reason", "better")

    assert (done.exit_code, done.stdout) == (0, "mine:production -> 7 (before: 6)\n")
    assert contract.seen[0].json == {"version": 7, "reason": "better"}
    assert "if-match" not in contract.seen[0].headers


def test_an_alias_can_be_removed(contract: Contract, ganymede: Ganymede) -> None:
    contract.on("DELETE", PATH, Answer(status=204))

    done = ganymede("models", "unalias", "mine", "production")

    assert (done.exit_code, done.stderr) == (0, "removed mine:production\n")


def test_rolling_back_moves_it_to_where_it_was_if_nobody_moved_it_meanwhile(
    contract: Contract, ganymede: Ganymede
) -> None:
    contract.on("GET", PATH, Answer(ALIAS))
    contract.on(
        "PUT", PATH, Answer({**ALIAS, "version": 6, "previous": 7}), problem(412, "precondition_failed", "moved")
    )

    done, late = ganymede("models", "rollback", "mine"), ganymede("models", "rollback", "mine")

    assert (done.exit_code, done.stdout) == (0, "mine:production -> 6 (before: 7)\n")
    assert (contract.seen[1].json, contract.seen[1].headers["if-match"]) == ({"version": 6}, '"7"')
    assert (late.exit_code, "moved" in late.stderr) == (1, True)


def test_an_alias_that_never_moved_has_nowhere_to_go_back_to(contract: Contract, ganymede: Ganymede) -> None:
    contract.on("GET", PATH, Answer({**ALIAS, "previous": None}))

    done = ganymede("models", "rollback", "mine")

    assert (done.exit_code, done.stderr) == (1, "ganymede: mine:production has pointed to 7 from the beginning\n")


@pytest.mark.parametrize("reference", ["mine", "mine@3", "mine:production"])
def test_an_export_is_two_files_that_can_be_imported(
    model: Contract, ganymede: Ganymede, tmp_path: Path, reference: str
) -> None:
    folder, file = tmp_path / "folder", tmp_path / "mine.safetensors"

    for output in (folder, file):
        assert ganymede("models", "export", reference, "-o", str(output)).exit_code == 0
    uploads = [
        ganymede("models", "import", "mine", *paths)
        for paths in ([str(folder)], [str(file)], [str(tmp_path / "mine.manifest.json"), str(file)])
    ]

    assert (folder / "generator.safetensors").read_bytes() == file.read_bytes() == WEIGHTS
    assert (folder / "manifest.json").read_bytes() == (tmp_path / "mine.manifest.json").read_bytes()
    assert [done.stdout for done in uploads] == [f"mine@5 {DIGEST}\n"] * 3
    for request in model.asked("/models/mine/versions"):
        assert WEIGHTS in request.body
        assert b'{"schema": 1}' in request.body


def test_weights_that_came_damaged_are_not_kept(model: Contract, ganymede: Ganymede, tmp_path: Path) -> None:
    model.on("GET", "/models/mine/versions/3/weights", Answer(WEIGHTS[:-1] + b"x"))

    done = ganymede("models", "export", "mine", "-o", str(tmp_path / "x.safetensors"))

    assert done.exit_code == 1
    assert "not those of mine@3" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_weights_that_came_in_part_are_not_kept(model: Contract, ganymede: Ganymede, tmp_path: Path) -> None:
    def cut() -> Any:
        yield WEIGHTS[:1000]
        raise ConnectionAbortedError

    model.on("GET", "/models/mine/versions/3/weights", Answer(cut()))

    done = ganymede("models", "export", "mine", "-o", str(tmp_path / "x.safetensors"))

    assert done.exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_an_alias_or_a_file_that_is_not_there_is_one_sentence(
    model: Contract, ganymede: Ganymede, tmp_path: Path
) -> None:
    alias = ganymede("models", "export", "mine:best", "-o", str(tmp_path))
    file = ganymede("models", "import", "mine", str(tmp_path / "x.safetensors"))

    assert (alias.exit_code, alias.stderr) == (
        1,
        "ganymede: mine has no alias 'best' (aliases: latest=4, production=3)\n",
    )
    assert (file.exit_code, file.stderr) == (1, f"ganymede: {tmp_path / 'x.safetensors'}: No such file or directory\n")
