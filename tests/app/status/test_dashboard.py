"""The Grafana dashboard and the alarms ask for numbers that the service sends, in queries that can be read."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client.parser import text_string_to_metric_families

from app.main import create_app
from core.settings import Settings
from tests.app.scraping import scrape
from tests.fixtures import Serve
from tests.promql import Query

ROOT = Path(__file__).resolve().parents[3]
BOARD: dict[str, Any] = json.loads((ROOT / "docs" / "grafana" / "ganymede.json").read_text())
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
TARGETS = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
SECTION = OPERATIONS.partition("### What to have an alarm on\n")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| `(\w+)`: ([^|]+) \| ?([^|]*?) ?\| `([^`]+)` \|$", SECTION, re.M)
ALARMS = [expression for *_, expression in ROWS]
RULES = ROOT / "docs" / "prometheus" / "ganymede.yml"
PROMTOOL = shutil.which("promtool")
OF_PROMETHEUS = {"up"}  # what it knows without asking


def sent_by(text: str) -> dict[str, str]:
    """Every name that a scrape can have, and the type of its metric."""
    found: dict[str, str] = {}
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M):
        ends = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        found |= {f"{name}{end}": "counter" if kind == "histogram" else kind for end in ends}
    return found


def queries() -> Iterator[Query]:
    yield from (Query(text) for _, text in TARGETS)
    yield from (Query(text) for text in ALARMS)


async def test_every_number_that_is_asked_for_is_sent(client: httpx.AsyncClient) -> None:
    await client.get("/livez")

    sent = sent_by((await client.get("/metrics")).text)

    asked = {selector.metric for query in queries() for selector in query.selectors}
    assert asked - sent.keys() == OF_PROMETHEUS


async def test_counters_are_asked_for_their_growth_and_gauges_for_what_they_are(client: httpx.AsyncClient) -> None:
    sent = sent_by((await client.get("/metrics")).text)

    for query in queries():
        for selector in query.selectors:
            grows = selector.function in ("rate", "increase")
            assert grows == (sent.get(selector.metric, "counter" if grows else "gauge") == "counter"), query.text


async def test_every_counter_that_is_asked_for_is_there_before_anything_happened(client: httpx.AsyncClient) -> None:
    """A series that appears with its first value has not increased, so no alarm would sound."""
    text = (await client.get("/metrics")).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    kinds = sent_by(text)

    for query in queries():
        for selector in query.selectors:
            if kinds.get(selector.metric) == "counter":
                assert any(selector.picks(s.labels) for s in samples if s.name == selector.metric), query.text


@pytest.mark.parametrize("alarm", [alarm for alarm in ALARMS if "ganymede_requests_total" in alarm])
async def test_the_first_failures_are_an_increase(settings: Settings, serve: Serve, alarm: str, tmp_path: Path) -> None:
    broken = {"default_model": "nobody", "redis_url": f"unix://{tmp_path}/none"}
    async with serve(create_app(settings.model_copy(update=broken))) as client:
        before = await scrape(client)
        for path in ("/readyz", "/queue"):
            for _ in range(3):
                await client.get(path)
        after = await scrape(client)

    there = {key: value - before[key] for key, value in after.items() if key in before}
    for selector in Query(alarm).selectors:
        labels = [(key, dict(part.split("=", 1) for part in key[1:])) for key in there if key[0] == selector.metric]
        assert sum(there[key] for key, found in labels if selector.picks(found)) >= 3


async def test_every_number_of_drawing_models_and_training_is_on_the_dashboard(client: httpx.AsyncClient) -> None:
    text = (await client.get("/metrics")).text

    shown = " ".join(query for _, query in TARGETS)
    assert [name for name in sent_by(text) if name.endswith(("_total", "_bytes", "_resident")) and name not in shown
            and name.startswith("ganymede")] == []  # fmt: skip


@pytest.mark.parametrize(("title", "query"), TARGETS)
def test_every_query_of_the_dashboard_is_of_the_chosen_instances(title: str, query: str) -> None:
    for selector in Query(query).selectors:
        assert "instance" in selector.labels, title


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not here (Debian's package `prometheus` has it)")
async def test_promtool_has_nothing_to_say_of_the_numbers_and_the_alarms(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    rules = [{"alert": f"Alarm{i}", "expr": alarm} for i, alarm in enumerate(ALARMS)]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "ganymede", "rules": rules}]}))
    sent = (await client.get("/metrics")).content

    metrics = subprocess.run([str(PROMTOOL), "check", "metrics"], input=sent, capture_output=True, timeout=300)
    alarms = subprocess.run([str(PROMTOOL), "check", "rules", tmp_path / "rules.yml"], capture_output=True, timeout=300)

    assert (metrics.returncode, metrics.stdout + metrics.stderr) == (0, b"")
    assert alarms.returncode == 0, alarms.stderr


def test_the_dashboard_is_one_that_any_grafana_can_take() -> None:
    variables = {entry["name"]: entry for entry in BOARD["templating"]["list"]}
    places = [tuple(panel["gridPos"][side] for side in "xywh") for panel in BOARD["panels"]]
    cells = [(x + i, y + j) for x, y, w, h in places for i in range(w) for j in range(h)]

    assert (BOARD["id"], variables["datasource"]["type"]) == (None, "datasource")
    assert {panel["datasource"]["uid"] for panel in PANELS} == {"${datasource}"}
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize(
    "text",
    [
        *("", "sum(", "sum(a", "rate(a)", "a[5m]", "rate(a[5x])", "a{b=c}", 'a{b="c"', "nothing(a)", "a b", "1 +"),
        *("histogram_quantile(a)", "a > > b", 'a{b"c"}', "sum by (le (a)"),
    ],
)
def test_what_is_no_query_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(text)[:1])):
        Query(text)


def test_the_rules_that_are_shipped_are_those_of_the_page() -> None:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]

    shipped = [(r["alert"], r["annotations"]["summary"], r.get("for", ""), r["expr"]) for r in group["rules"]]
    assert shipped == [(name, when, wait.replace(" min", "m"), asked) for name, when, wait, asked in ROWS]
    assert len(shipped) == len(re.findall(r"^\| `Ganymede", SECTION, re.M)) >= 16


@pytest.mark.parametrize("name", [name for name, *_ in ROWS])
def test_every_alarm_has_a_paragraph_that_says_what_it_means(name: str) -> None:
    (paragraph,) = re.findall(rf"^\*\*{name}\.\*\* (.+?)\n\n", OPERATIONS, re.M | re.S)

    assert len(paragraph) > 150


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not here (Debian's package `prometheus` has it)")
def test_promtool_has_nothing_to_say_of_the_rules_that_are_shipped() -> None:
    checked = subprocess.run([str(PROMTOOL), "check", "rules", str(RULES)], capture_output=True, text=True, timeout=300)

    assert checked.returncode == 0, checked.stdout + checked.stderr
