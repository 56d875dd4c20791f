"""Every answer has its counter before it is given, and every page its route."""

import re

import httpx

from app.main import create_app
from core.settings import Settings
from tests.app.scraping import moved, scrape


async def test_pages_and_the_contract_are_routes_as_any_other(client: httpx.AsyncClient) -> None:
    asset = re.findall(r'src="([^"]+)"', (await client.get("/docs")).text)[0]
    before = await scrape(client)

    for path in ("/", "/docs", asset, "/openapi.json"):
        for method in ("GET", "HEAD"):
            assert (await client.request(method, path)).status_code == 200
    after = await scrape(client)

    routes = ("/", "/docs", "/docs/assets/{asked}/{name}", "/openapi.json")
    counted = moved(before, after, "ganymede_requests_total")
    assert {key: counted[key] for key in counted if key[1] != "route=/metrics"} == {
        ("code=200", f"route={route}"): 2 for route in routes
    }


async def test_every_answer_that_is_documented_has_a_counter_from_the_start(client: httpx.AsyncClient) -> None:
    samples = await scrape(client)

    early = {"400", "401", "403", "413"}  # before a route is looked for
    for path, item in create_app(Settings()).openapi()["paths"].items():
        for status in {code for operation in item.values() for code in operation["responses"]} - early:
            assert samples.get(("ganymede_requests_total", f"code={status}", f"route={path}")) == 0, (path, status)
    for status in ("400", "401", "403", "404", "413", "500"):
        assert samples["ganymede_requests_total", f"code={status}", "route=unmatched"] == 0
