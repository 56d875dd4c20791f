"""The access log: which requests get a line, what is in it, and that no client can write one."""

import json
import logging
from typing import Any

import httpx
import pytest

from app.http.access_log import run_in
from app.main import create_app
from core.log import JSONFormatter, add_ids
from core.settings import Settings
from tests.fixtures import PublishTiny, Serve

RUN_ID = "run_00000000000000000000"


class Lines(logging.Handler):
    """Every line that was logged, as the object that a JSON log would hold."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(add_ids)
        self.setFormatter(JSONFormatter())
        self.all: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.all.append(json.loads(self.format(record)))

    def of(self, logger: str) -> list[dict[str, Any]]:
        return [line for line in self.all if line["logger"] == logger]


@pytest.fixture
def lines() -> Any:
    handler, root = Lines(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.removeHandler(handler)
    root.setLevel(before)


async def start_run(client: httpx.AsyncClient) -> str:
    answer = await client.post("/train", json={"recipe": "cgan", "dataset": "mnist-10k"})
    return str(answer.json()["id"])


async def test_without_the_setting_only_changes_and_failures_have_a_line(
    failing: httpx.AsyncClient, lines: Lines
) -> None:
    run = await start_run(failing)
    await failing.post(f"/train/{run}/cancel")
    await failing.post(f"/train/{RUN_ID}/cancel")  # 404
    await failing.post("/train", json={"recipe": "?"})  # 422
    await failing.get("/livez")
    await failing.get("/train")
    await failing.post("/generate", json={"seed": 1, "n": 100})  # 422
    await failing.get("/generate", params={"seed": 1})  # 500

    assert [(line["method"], line["route"], line["status"]) for line in lines.of("app.access")] == [
        ("POST", "/train", 202),
        ("POST", "/train/{run_id}/cancel", 200),
        ("GET", "/generate", 500),
    ]


async def test_drawing_by_post_is_no_change(client: httpx.AsyncClient, lines: Lines) -> None:
    await client.post("/generate", json={"seed": 1})

    assert lines.of("app.access") == []


async def test_with_the_setting_every_request_has_one_line(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve, lines: Lines
) -> None:
    publish_tiny()
    async with serve(create_app(settings.model_copy(update={"access_log": True}))) as client:
        await client.get("/livez", headers={"Request-Id": "mine.1"})
        await client.get("/generate", params={"seed": 1})
        await client.get("/nothing", headers={"Host": "evil.example"})

    seen = lines.of("app.access")
    assert [(line["method"], line["route"], line["status"]) for line in seen] == [
        ("GET", "/livez", 200),
        ("GET", "/generate", 200),
        ("GET", "unmatched", 400),
    ]
    assert seen[0]["request_id"] == "mine.1"
    assert all(len(line["request_id"]) == 16 and line["ms"] >= 0 for line in seen[1:])


async def test_the_line_of_a_run_carries_its_id_also_when_it_was_just_made(
    client: httpx.AsyncClient, lines: Lines
) -> None:
    run = await start_run(client)
    await client.post(f"/train/{run}/cancel")

    assert [line["run"] for line in lines.of("app.access")] == [run, run]


async def test_one_request_does_not_leave_its_run_to_the_next(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve, lines: Lines
) -> None:
    publish_tiny()
    async with serve(create_app(settings.model_copy(update={"access_log": True}))) as client:
        await client.get(f"/train/{RUN_ID}")
        await client.get("/livez")

    assert [line.get("run") for line in lines.of("app.access")] == [RUN_ID, None]


async def test_what_the_engine_logs_names_the_request_it_drew_for(failing: httpx.AsyncClient, lines: Lines) -> None:
    await failing.get("/generate", params={"seed": 1}, headers={"Request-Id": "mine"})

    told = [*lines.of("app.engine.batcher"), *lines.of("app.errors"), *lines.of("app.access")]
    assert [line["request_id"] for line in told] == ["mine"] * 3


async def test_what_a_run_without_redis_logs_names_the_run(
    settings: Settings, publish_tiny: PublishTiny, serve: Serve, lines: Lines
) -> None:
    publish_tiny()
    async with serve(create_app(settings.model_copy(update={"redis_url": "unix:///nowhere/s"}))) as client:
        run = await start_run(client)

    told = lines.of("app.train.verbs")
    assert [line["run"] for line in told] == [run]
    assert "request_id" in told[0]


@pytest.mark.parametrize(
    ("address", "run"),
    [
        (b"/train/run_0192f1c7a4e1b2c3d4e5", "run_0192f1c7a4e1b2c3d4e5"),
        (b"/train/run_0192f1c7a4e1b2c3d4e5/cancel", "run_0192f1c7a4e1b2c3d4e5"),
        (b"/train/run_0192f1c7a4e1b2c3d4e5?a=b", "run_0192f1c7a4e1b2c3d4e5"),
        (b"/train/run_0192f1c7a4e1b2c3d4e5\n", ""),
        (b"/train/run_0192f1c7a4e1b2c3d4e5f", ""),
        (b"/train/run_0192F1C7A4E1B2C3D4E5", ""),
        (b"/train", ""),
    ],
)
def test_the_run_in_an_address(address: bytes, run: str) -> None:
    assert run_in(address) == run
