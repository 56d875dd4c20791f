"""How quick and how light the page is: `python -m bench.page`, some three minutes on an idle machine. Needs Chromium.

Paint: each of two views in a browser that has never seen them, several times: milliseconds to the first contentful one.
Weight: every byte of the page's own files, as they come over the wire, after all views were opened.
Frames: a run of 10,000 points and 500 grids. While a pointer goes over its charts, grids are gone through, and axis and
smoothing change, Chromium traces what its main thread does; a frame is at most as long as its longest task.
Tabs: twenty of them, each with connections of its own, show a run that trains; they cost what the API's process takes
of a core beyond what it takes while nobody looks.

Results go to docs/benchmarks/page-<machine>.json, with the bars of each; status 1 if one does not hold.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from bench.long_run import long_run
from bench.machine import ROOT, machine, revision, slug
from bench.page_picture import chromium
from bench.service import OwnService
from bench.watchers import RUN, share_of_core

RESULTS = ROOT / "docs" / "benchmarks"
SCHEMA = 1
POINTS, GRIDS = 10_000, 500
VIEWS = (
    "",
    "studio",
    "complete",
    "runs",
    "new",
    "compare",
    "models",
    "models/digits",
    "data",
    "data/mnist-10k",
    "system",
)
SIZE = {"width": 1440, "height": 900}
STEP_OF_TRAINING = 50
BARS = {"paint_ms": 1000.0, "weight_kb": 300.0, "longest_task_ms": 50.0, "tabs_share": 0.05}
CATEGORIES = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline", "__metadata"]
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
OWN_FILES = """performance.getEntriesByType('resource').filter((file) => new URL(file.name).pathname.includes('/page/'))
  .reduce((sum, file) => sum + file.encodedBodySize, performance.getEntriesByType('navigation')[0].encodedBodySize)"""


async def opened(browser: Browser, url: str) -> Page:
    """A tab of a browser of its own: nothing is cached, no connection is shared."""
    page = await (await browser.new_context(viewport=SIZE)).new_page()  # type: ignore[arg-type]
    await page.goto(url)
    return page


async def paints(browser: Browser, url: str, times: int) -> dict[str, float]:
    found = []
    for _ in range(times):
        page = await opened(browser, url)
        await page.wait_for_function(PAINTED)
        found.append(float(await page.evaluate(PAINTED)))
        await page.context.close()
    return {"median_ms": round(statistics.median(found), 1), "longest_ms": round(max(found), 1)}


async def weight(browser: Browser, url: str, run: str) -> float:
    """Kilobytes of all of the page's own files."""
    page = await opened(browser, url)
    for view in (*VIEWS, f"runs/{run}"):
        await page.evaluate("(view) => { location.hash = '#/' + view; }", view)
        await page.locator("main h1, main h3").first.wait_for()
        await page.wait_for_timeout(300)  # what it imports
    found = float(await page.evaluate(OWN_FILES))
    await page.context.close()
    return round(found / 1000, 1)


async def frames(browser: Browser, url: str, run: str) -> dict[str, Any]:
    """What the main thread did while the page of a long run came, and while it was used."""
    page = await (await browser.new_context(viewport=SIZE)).new_page()  # type: ignore[arg-type]
    await browser.start_tracing(page=page, categories=CATEGORIES)
    await page.goto(f"{url}/#/runs/{run}")
    await page.locator(".u-over").first.wait_for()
    await page.locator(".scrubber .picture:not(.is-loading) img").wait_for()
    await page.wait_for_timeout(1000)
    coming = tasks(await browser.stop_tracing())
    await browser.start_tracing(page=page, categories=CATEGORIES)
    await use(page)
    using = tasks(await browser.stop_tracing())
    await page.context.close()
    return {"points": POINTS, "grids": GRIDS, "while_it_comes": told(coming), "while_it_is_used": told(using)}


async def use(page: Page) -> None:
    """As a person does: along the curves, through the grids, to another axis, smoother."""
    box = await page.locator(".plot .u-over").first.bounding_box()
    assert box is not None
    for i in range(120):
        await page.mouse.move(box["x"] + box["width"] * i / 120, box["y"] + box["height"] / 2)
    await page.mouse.move(5, 5)
    scrubber = page.get_by_label("Grid", exact=True)
    for _ in range(60):
        await scrubber.press("ArrowLeft")
    for x in ("images_seen", "time", "step"):
        await page.evaluate("(x) => { location.hash = location.hash.split('?')[0] + '?x=' + x; }", x)
        await page.wait_for_timeout(300)
    await page.evaluate("location.hash = location.hash.split('?')[0] + '?smooth=0.9'")
    await page.mouse.wheel(0, 600)
    await page.wait_for_timeout(500)


def tasks(trace: bytes) -> list[float]:
    """Milliseconds of every task of the page's main thread: that of all renderers which did the most."""
    events = json.loads(trace)["traceEvents"]
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    found: dict[tuple[int, int], list[float]] = {thread: [] for thread in main}
    for event in events:
        thread = (event["pid"], event["tid"])
        if thread in found and event.get("ph") == "X" and event["name"].endswith("RunTask"):
            found[thread].append(event["dur"] / 1000)
    return max(found.values(), key=sum, default=[])


def told(tasks_ms: list[float]) -> dict[str, Any]:
    if not tasks_ms:
        raise SystemExit("the trace has no task of a page: another Chromium may name them otherwise")
    return {
        "tasks": len(tasks_ms),
        "longest_ms": round(max(tasks_ms), 1),
        "p99_ms": round(sorted(tasks_ms)[int(0.99 * (len(tasks_ms) - 1))], 2),
        "over_50_ms": sum(each > BARS["longest_task_ms"] for each in tasks_ms),
    }


async def tabs(browser: Browser, service: OwnService, count: int, seconds: float) -> dict[str, Any]:
    """What so many tabs on a run that trains cost the API's process."""
    with service.client() as client:
        run = client.post("/train", json=RUN).raise_for_status().json()["id"]
        while client.get(f"/train/{run}").json()["progress"]["step"] < STEP_OF_TRAINING:
            await asyncio.sleep(0.5)
    alone = await share_of_core(service.pid("api"), seconds)
    pages = [await opened(browser, f"{service.url}/#/runs/{run}") for _ in range(count)]
    for page in pages:
        await page.locator(".u-over").first.wait_for()
    await asyncio.sleep(5)  # what came before is drawn
    watched = await share_of_core(service.pid("api"), seconds)
    with service.client() as client:
        steps = client.get(f"/train/{run}").json()["progress"]["step"]
        client.post(f"/train/{run}/cancel")
    found = {"alone": alone, "watched": watched, "cost": watched - alone}
    return {"tabs": count, "seconds": seconds, "steps": steps, **{k: round(v, 4) for k, v in found.items()}}


async def measure(service: OwnService, run: str, asked: argparse.Namespace) -> dict[str, Any]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium())
        found: dict[str, Any] = {"chromium": browser.version}
        for name, view in (("home", ""), ("run", f"runs/{run}")):
            found[f"paint_{name}"] = await paints(browser, f"{service.url}/#/{view}", asked.paints)
        found["weight_kb"] = await weight(browser, service.url, run)
        found["frames"] = await frames(browser, service.url, run)
        print(json.dumps(found, indent=1), flush=True)
        found["tabs"] = await tabs(browser, service, asked.tabs, asked.seconds)
        await browser.close()
    return found


def judged(found: dict[str, Any]) -> dict[str, bool]:
    """Which bars hold."""
    return {
        "paint_ms": max(found["paint_home"]["median_ms"], found["paint_run"]["median_ms"]) < BARS["paint_ms"],
        "weight_kb": found["weight_kb"] < BARS["weight_kb"],
        "longest_task_ms": found["frames"]["while_it_is_used"]["longest_ms"] < BARS["longest_task_ms"],
        "tabs_share": found["tabs"]["cost"] < BARS["tabs_share"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paints", type=int, default=5, help="of each view")
    parser.add_argument("--tabs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20, help="that the API is watched, without and with the tabs")
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="ganymede-page-") as folder,
        OwnService.running(Path(folder), "api", "worker") as service,
    ):
        run = long_run(service.store, POINTS, GRIDS)
        found = asyncio.run(measure(service, run.id, asked))
    measured_on, holds = machine(), judged(found)
    head = {
        "schema": SCHEMA,
        "machine": measured_on,
        "revision": revision(),
        "seconds": round(time.monotonic() - began),
    }
    text = json.dumps({**head, **found, "bars": BARS, "holds": holds}, indent=1)
    (asked.results / f"page-{slug(measured_on)}.json").write_text(f"{text}\n", encoding="utf-8")
    print(text)
    sys.exit(not all(holds.values()))


if __name__ == "__main__":
    main()
