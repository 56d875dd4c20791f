"""Writes the generated pages: `python docs/generate.py`. A test regenerates and compares them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # of a script it is the script's own folder

from bench import starter_page
from bench.serving import page
from bench.training import report
from docs.pages.applications import applications_page as page_of_applications
from docs.pages.cli import cli_page
from docs.pages.costs import layers_section, processes_section, profile_section
from docs.pages.diagnosis import diagnosis_page
from docs.pages.recipes import recipes_page
from docs.pages.reliability import reliability_section
from docs.pages.settings import settings_page
from docs.pages.web_page import web_page_section

FOLDER = Path(__file__).resolve().parent


def benchmarks_page() -> str:
    """docs/benchmarks.md: what was measured, from the JSON files in docs/benchmarks/."""
    folder = FOLDER / "benchmarks"
    training = report.section(folder) + layers_section(folder)
    serving = page.page(folder) + profile_section(folder) + processes_section(folder)
    return serving + training + web_page_section(folder) + reliability_section(folder)


def starters_page() -> str:
    """docs/starters.md: what comes with the package, from the records beside the models."""
    return starter_page.page(FOLDER.parent / "models" / "starter")


def applications_page() -> str:
    """docs/applications.md: the uses beside drawing, from what was measured and the records beside the models."""
    return page_of_applications(FOLDER / "benchmarks" / "applications", FOLDER.parent / "models" / "starter")


PAGES = {
    "applications": applications_page,
    "benchmarks": benchmarks_page,
    "cli": cli_page,
    "diagnosis": diagnosis_page,
    "recipes": recipes_page,
    "settings": settings_page,
    "starters": starters_page,
}

if __name__ == "__main__":
    for name, make in PAGES.items():
        (FOLDER / f"{name}.md").write_text(make())
