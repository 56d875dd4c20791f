"""The section of docs/benchmarks.md on the page: what `python -m bench.page` recorded, beside its bars."""

from pathlib import Path
from typing import Any

from bench.machine import described
from bench.markdown import pipes
from bench.records import read_records

BEGINS = """
## The page

    python -m bench.page                               # some three minutes; needs Chromium

Time to the first contentful paint in a browser that has never seen the page, weight of its own files over the wire, the
longest task of its main thread while a run of 10,000 points and 500 grids is looked through (a frame is no longer), and
what twenty tabs on a run that trains cost the API, beyond what it takes while nobody looks.
"""


def web_page_section(folder: Path) -> str:
    records = read_records(folder, "page-*.json")
    return "\n".join([BEGINS, *(map(_record, records) if records else ["Nothing has been recorded yet.\n"])])


def _record(found: dict[str, Any]) -> str:
    bars, frames = found["bars"], found["frames"]
    rows = [
        ("what", "measured", "at most"),
        ("first paint, home", f"{found['paint_home']['median_ms']:g} ms", f"{bars['paint_ms']:g} ms"),
        ("first paint, a long run", f"{found['paint_run']['median_ms']:g} ms", f"{bars['paint_ms']:g} ms"),
        ("weight", f"{found['weight_kb']:g} kB", f"{bars['weight_kb']:g} kB"),
        ("longest task in use", f"{frames['while_it_is_used']['longest_ms']:g} ms", f"{bars['longest_task_ms']:g} ms"),
        ("longest task while it comes", f"{frames['while_it_comes']['longest_ms']:g} ms", ""),
        (f"{found['tabs']['tabs']} tabs", f"{found['tabs']['cost']:.1%} of a core", f"{bars['tabs_share']:.0%}"),
    ]
    head = f"{described(found['machine'])}, Chromium {found['chromium']}, revision {found['revision']}:\n"
    return f"{head}\n{pipes(rows)}"
