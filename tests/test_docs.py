"""Docs cannot rot: generated pages are current, and every route and setting is named where people look for it."""

import re
import runpy
import shlex
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from typer.testing import CliRunner

from app.main import create_app
from core.settings import Settings
from ganymede.cli import app

ROOT = Path(__file__).resolve().parent.parent
DOCS = [str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")]
ROUTES = sorted(create_app(Settings()).openapi()["paths"])
PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", *sorted(DOCS)]
TEXT = "\n".join((ROOT / page).read_text() for page in PAGES)
SHELL = "".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL))
COMPOSE = re.findall(r"^docker compose .*$", SHELL, re.MULTILINE)
KEYS = re.findall(r"^\.venv/bin/ganymede (keys .*)$", SHELL, re.MULTILINE)


@pytest.mark.parametrize("name", ["applications", "settings", "cli", "recipes", "benchmarks", "diagnosis", "starters"])
def test_a_generated_page_is_current(name: str) -> None:
    written = (ROOT / "docs" / f"{name}.md").read_text()

    made = runpy.run_path(str(ROOT / "docs" / "generate.py"))[f"{name}_page"]()

    assert written == made


@pytest.mark.parametrize("path", ROUTES)
def test_every_route_is_in_the_api_page(path: str) -> None:
    assert path in (ROOT / "docs" / "api.md").read_text()


@pytest.mark.parametrize("path", [path for path in ROUTES if path != "/"])
def test_every_collection_is_in_the_table_of_calls(path: str) -> None:
    table = (ROOT / "docs" / "api.md").read_text().partition("## All calls")[2].partition("\n## ")[0]

    assert f"/{path.split('/')[1]}" in table


@pytest.mark.parametrize("page", PAGES)
def test_every_link_and_picture_of_a_page_leads_somewhere(page: str) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", (ROOT / page).read_text())

    folder = (ROOT / page).parent
    assert [target for target in targets if "://" not in target and not (folder / target).exists()] == []


def test_every_printed_target_of_make_is_there() -> None:
    printed = set(re.findall(r"(?:^|^    |`)make ([a-z][a-z-]+)", TEXT, re.MULTILINE))

    assert {"up", "test", "chaos"} <= printed
    assert printed - set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)) == set()


@pytest.mark.parametrize("command", COMPOSE)
def test_a_printed_command_of_compose_names_files_services_and_verbs_that_there_are(command: str) -> None:
    words = shlex.split(command, comments=True)[2:]
    files = [words[i + 1] for i, word in enumerate(words) if word == "-f"]
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    verb, *rest = [word for word in words if word != "-f" and word not in files]
    named = {"logs": rest[-1:], "exec": rest[:1], "up": [word.partition("=")[0] for word in rest if "=" in word]}

    assert all((ROOT / file).is_file() for file in files)
    assert verb in ("up", "ps", "logs", "exec", "stop", "start", "down")
    assert set(named.get(verb, [])) <= set(services)


def test_the_printed_commands_of_keys_work_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANYMEDE_HOME", str(tmp_path))

    done = [CliRunner().invoke(app, shlex.split(command, comments=True)) for command in KEYS]

    assert len(done) >= 6
    assert [result.exit_code for result in done] == [0] * len(done), done[-1].output


@pytest.mark.parametrize("module", sorted(set(re.findall(r"python -m (bench\.[\w.]*\w)", TEXT))))
def test_a_printed_benchmark_is_there(module: str) -> None:
    assert (ROOT / f"{module.replace('.', '/')}.py").is_file() or (ROOT / module.replace(".", "/")).is_dir()
