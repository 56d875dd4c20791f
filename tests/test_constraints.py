"""constraints.txt: what is installed is one exact version of everything, which pyproject.toml allows."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.constraints import FILE, all_needed, installed

ROOT = FILE.parent
PINNED = dict(line.split("==") for line in FILE.read_text().splitlines() if not line.startswith("#"))


def test_everything_that_is_needed_here_has_an_exact_version() -> None:
    assert set(all_needed()) <= PINNED.keys()


@pytest.mark.parametrize("name", all_needed())
def test_that_version_is_the_one_that_is_installed(name: str) -> None:
    assert installed(name) == PINNED[name]


def test_pyproject_allows_every_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(text for texts in project["optional-dependencies"].values() for text in texts)]

    refused = [
        text
        for text in asked
        if not (wanted := Requirement(text)).specifier.contains(PINNED[canonicalize_name(wanted.name)])
    ]

    assert refused == []


@pytest.mark.parametrize("file", ["Makefile", "Dockerfile"])
def test_whatever_installs_ganymede_obeys_it(file: str) -> None:
    lines = Path(ROOT / file).read_text().replace("\\\n", " ").splitlines()
    installs = [
        line for line in lines if "/requirements/" in line or "$(BIN)/python -m pip" in line or "/build.txt" in line
    ]
    installs = [line for line in installs if "install" in line and "pip" in line]

    assert installs
    assert [line for line in installs if "constraints.txt" not in line] == []
