"""Behind a proxy every address keeps the prefix and none shows the inner host, whether the proxy strips it or not."""

import asyncio
import contextlib
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
import uvicorn

from app.main import create_app
from core.network.proxies import checked_networks, checked_prefix, is_among, networks
from core.settings import Settings
from ganymede.supervisor import free_port
from tests.fixtures import PublishTiny, Serve

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
SITE = """
  server {{
    listen 127.0.0.1:{port};
    location /gan/ {{
      proxy_pass http://127.0.0.1:{inner}{strip};
      {headers}
    }}
  }}
"""
CONFIG = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/a; uwsgi_temp_path {folder}/b; scgi_temp_path {folder}/c;
  {site}
}}
"""
KEPT_HOST = "proxy_set_header Host $http_host;"
TOLD_HOST = "proxy_set_header X-Forwarded-Host $http_host;"
TOLD_PREFIX = "proxy_set_header X-Forwarded-Prefix /gan;"
SITES = {  # is the service told by a setting, does the proxy strip, what it tells
    "strips and tells": (False, "/", TOLD_HOST + TOLD_PREFIX),
    "passes on and tells": (False, "", KEPT_HOST + TOLD_PREFIX),
    "strips, and the setting tells": (True, "/", KEPT_HOST),
    "passes on, and the setting tells": (True, "", TOLD_HOST),
}


@contextlib.asynccontextmanager
async def nginx(folder: Path, inner: int, strip: str, headers: str) -> AsyncIterator[str]:
    """The address of a real nginx in front of a port."""
    assert NGINX is not None
    port = free_port()
    site = SITE.format(port=port, inner=inner, strip=strip, headers=headers)
    (folder / "nginx.conf").write_text(CONFIG.format(folder=folder, site=site))
    process = subprocess.Popen([NGINX, "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"])
    try:
        while not _listens(port):
            assert process.poll() is None, (folder / "error.log").read_text()
            await asyncio.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(300)


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


@contextlib.asynccontextmanager
async def listening(settings: Settings) -> AsyncIterator[int]:
    """The port of an app in a real uvicorn."""
    config = uvicorn.Config(create_app(settings), port=free_port(), log_config=None, proxy_headers=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        assert not serving.done()
        await asyncio.sleep(0.02)
    yield config.port
    server.should_exit = True
    await serving


@pytest.fixture(params=SITES)
async def site(
    request: pytest.FixtureRequest, settings: Settings, publish_tiny: PublishTiny, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service through nginx, which fails the test where an answer names the port behind the proxy."""
    if NGINX is None:
        pytest.skip("nginx is not here (Debian's package nginx-light)")
    publish_tiny()
    is_set, strip, headers = SITES[request.param]
    settings = settings.model_copy(update={"root_path": "/gan" if is_set else None})
    async with listening(settings) as inner, nginx(tmp_path, inner, strip, headers) as url:

        async def look(answer: httpx.Response) -> None:
            if "event-stream" not in answer.headers.get("content-type", ""):
                await answer.aread()
                assert f":{inner}" not in str(answer.headers)
                assert b":%d" % inner not in answer.content

        hooks = {"response": [look]}
        plain = httpx.AsyncHTTPTransport(verify=False)
        async with httpx.AsyncClient(base_url=url, transport=plain, timeout=300, event_hooks=hooks) as client:
            yield client


async def test_the_page_and_the_contract_work_and_what_is_named_can_be_asked_for(site: httpx.AsyncClient) -> None:
    page = (await site.get("/gan/docs")).text
    parts = [urljoin("/gan/docs", told) for told in re.findall(r'(?:src|href)="(?!data:)([^"]+)"', page)]
    script = (await site.get(next(part for part in parts if part.endswith("docs.js")))).text
    contract = urljoin("/gan/docs", re.findall(r'url: "([^"]+)"', script)[0])
    index = (await site.get("/gan/")).json()["links"]
    version = (await site.get("/gan/models/tiny")).json()["versions"][0]["links"]
    dataset = (await site.get("/gan/datasets/mnist-10k")).json()["links"]

    assert [server["url"] for server in (await site.get(contract)).json()["servers"]] == ["/gan"]
    named = {*parts, *index.values(), *version.values(), *dataset.values()} - {index["events"], index["generate"]}
    assert len(parts) == 4
    assert all(path.startswith("/gan/") for path in named)
    assert [path for path in named if (await site.get(path)).status_code != 200] == []


async def test_what_is_made_or_drawn_is_found_where_it_is_said_to_be(site: httpx.AsyncClient) -> None:
    body, own = {"recipe": "cgan", "dataset": "mnist-10k"}, str(site.base_url).rstrip("/")

    made = await site.post("/gan/train", json=body, headers={"Origin": own})
    foreign = await site.post("/gan/train", json=body, headers={"Origin": "http://evil.example"})
    drawn = await site.get("/gan/generate")
    slash = await site.get("/gan/train/", params={"limit": "1"})

    links = made.json()["links"]
    assert (made.status_code, made.headers["Location"]) == (202, links["self"])
    assert (await site.get(made.headers["Location"])).json()["id"] == made.json()["id"]
    assert (await site.post(links["cancel"])).status_code == 200
    assert (foreign.status_code, foreign.json()["instance"]) == (403, "/gan/train")
    assert drawn.headers["Content-Location"].startswith("/gan/generate?")
    assert (await site.get(drawn.headers["Content-Location"])).content == drawn.content
    assert (slash.status_code, slash.headers["Location"]) == (307, "/gan/train?limit=1")


async def links_of(settings: Settings, serve: Serve, path: str = "/", **headers: str) -> dict[str, str]:
    async with serve(create_app(settings)) as client:
        return (await client.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()})).json()["links"]


@pytest.mark.parametrize(
    ("told", "prefix"),
    [
        *(
            ("/gan", "/gan"),
            ("/gan/", "/gan"),
            ("/a/b", "/a/b"),
            ("/outer, /inner", "/outer/inner"),
            ("/", ""),
            ("", ""),
        ),
        *(("//evil.example", ""), ("https://evil.example", ""), ("/a b", ""), ("gan", ""), ("/../a", ""), ("/%2e", "")),
        *(('/"><script>', ""), ("/\\evil", "")),
    ],
)
async def test_a_prefix_is_believed_of_a_trusted_address_if_it_is_one(
    settings: Settings, serve: Serve, told: str, prefix: str
) -> None:
    nobody = settings.model_copy(update={"trusted_proxies": ()})

    trusted = await links_of(settings, serve, x_forwarded_prefix=told)
    foreign = await links_of(nobody, serve, x_forwarded_prefix=told)

    assert trusted["train"] == f"{prefix}/train"
    assert foreign["train"] == "/train"


async def test_a_prefix_like_an_address_of_ours_is_not_stripped_twice(settings: Settings, serve: Serve) -> None:
    async with serve(create_app(settings.model_copy(update={"root_path": "/models"}))) as client:
        answer = await client.get("/models")

    assert "digits" in [model["name"] for model in answer.json()["data"]]


async def test_a_host_that_is_told_opens_no_door(settings: Settings, serve: Serve) -> None:
    async with serve(create_app(settings)) as client:
        rebound = await client.get("/", headers={"Host": "evil.example", "X-Forwarded-Host": "localhost"})
        evil = {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"}
        foreign = await client.post("/train", json={}, headers=evil)

    assert (rebound.status_code, foreign.status_code) == (400, 403)


@pytest.mark.parametrize("text", ["gan", "//gan", "https://h/gan", "/a b", "/..", "/a/../b", "/a?b", "/ü", "/a//b"])
def test_what_is_no_prefix_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(ValueError, match="begins with /"):
        checked_prefix(text)


def test_proxies_are_trusted_by_address_or_network() -> None:
    trusted = networks(checked_networks("10.0.0.0/8, ::1,127.0.0.1"))  # type: ignore[arg-type]

    assert [is_among(address, trusted) for address in ("10.1.2.3", "::1", "::ffff:127.0.0.1")] == [True] * 3
    assert [is_among(address, trusted) for address in ("11.0.0.1", "::2", "", "unix:", "localhost")] == [False] * 5
    assert checked_networks("none") == ()
    for wrong in ("localhost", "10.0.0.1:80", "*", "10.0.0.0/33", "", ",", "none,::1"):
        with pytest.raises(ValueError, match="addresses or networks"):
            checked_networks(wrong)
