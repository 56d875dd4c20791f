"""Docs cannot rot: generated pages are current, and every route and setting is named where people look for it."""

import re
import runpy
from pathlib import Path

import pytest

from app.main import create_app
from core.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
DOCS = [str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")]
ROUTES = sorted(create_app(Settings()).openapi()["paths"])


@pytest.mark.parametrize("name", ["settings", "cli", "recipes", "benchmarks", "diagnosis", "starters"])
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


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", *sorted(DOCS)])
def test_every_link_and_picture_of_a_page_leads_somewhere(page: str) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", (ROOT / page).read_text())

    folder = (ROOT / page).parent
    assert [target for target in targets if "://" not in target and not (folder / target).exists()] == []
