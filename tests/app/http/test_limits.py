"""What a key may use: requests a minute, images a day; the second outlives a restart."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.main import create_app
from core.errors import InvalidRequest
from core.keys import KeysFile, KeyUsage, KeyWanted
from core.keys.errors import QuotaExceeded
from core.settings import Settings
from ganymede.schemas.keys import KeyScope
from tests.fixtures import Serve

DAY_S = 86_400


def make(settings: Settings, **wanted: Any) -> dict[str, str]:
    body = {"scopes": (KeyScope.GENERATE,), **wanted}
    text = KeysFile(settings.keys_path).create(KeyWanted.model_validate(body)).text
    return {"Authorization": f"Bearer {text.get_secret_value()}"}


async def test_a_key_sends_as_many_requests_a_minute_as_it_may(client: httpx.AsyncClient, settings: Settings) -> None:
    slow, free = make(settings, per_minute=3), make(settings)

    answers = [await client.get("/train", headers=slow) for _ in range(4)]
    other = await client.get("/train", headers=free)

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0", "r=0"]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"minute";q=3;w=60'}
    assert answers[3].json()["code"] == "rate_limited"
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 20
    assert other.status_code == 200
    assert "RateLimit" not in other.headers


def test_a_bucket_fills_with_time(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    now = 0.0
    monkeypatch.setattr("core.keys.usage.time.monotonic", lambda: now)
    file, usage = KeysFile(settings.keys_path), KeyUsage(tmp_path / "usage")
    key = file.create(KeyWanted(scopes=(KeyScope.READ,), per_minute=6)).key

    assert [usage.take(key) for _ in range(2)] == [(5, 10), (4, 20)]
    now = 10.0
    assert usage.take(key) == (4, 20)
    now = 10_000.0
    assert usage.take(key) == (5, 10)


async def test_a_quota_of_images_counts_what_is_drawn_and_a_restart_forgets_none(
    client: httpx.AsyncClient, settings: Settings, serve: Serve
) -> None:
    key = make(settings, images_a_day=10)
    drawn = await client.get("/generate?seed=1&n=6", headers=key)
    known = await client.get("/generate?seed=1", headers={**key, "If-None-Match": "*"})  # 304: nothing is drawn
    looked = await client.head("/generate?seed=1&n=9", headers=key)
    refused = await client.get("/generate?seed=1&n=1000", headers=key)

    async with serve(create_app(settings)) as later:
        fits = await later.post("/generate", json={"seed": 7, "n": 3}, headers=key)
        over = await later.get("/generate?seed=1&n=2", headers=key)
        last = await later.get("/generate?seed=1", headers=key)

    assert [each.status_code for each in (drawn, known, looked, refused)] == [200, 304, 200, 422]
    assert [each.status_code for each in (fits, over, last)] == [200, 429, 200]
    assert over.json()["code"] == "quota_exceeded"
    assert "1 are left, and this asks for 2" in over.json()["detail"]
    assert 0 < int(over.headers["Retry-After"]) <= DAY_S
    assert settings.usage_path.stat().st_mode & 0o777 == 0o600


async def test_what_is_not_drawn_is_given_back(failing: httpx.AsyncClient, settings: Settings) -> None:
    key = make(settings, images_a_day=1)

    answers = [(await failing.get("/generate?seed=1", headers=key)).status_code for _ in range(2)]

    assert answers == [500, 500]


def test_a_new_day_begins_with_nothing_used_and_a_clock_set_back_begins_none(settings: Settings) -> None:
    now = datetime(2030, 1, 2, 12, tzinfo=UTC).timestamp()
    usage = KeyUsage(settings.usage_path, lambda: now)
    key = KeysFile(settings.keys_path).create(KeyWanted(scopes=(KeyScope.GENERATE,), images_a_day=1)).key

    usage.draw(key, 1)
    for moment in (now, now - DAY_S):
        now = moment
        with pytest.raises(QuotaExceeded):
            usage.draw(key, 1)
    now += 2 * DAY_S
    usage.draw(key, 1)


@pytest.mark.parametrize("wanted", [{"per_minute": 0}, {"images_a_day": -1}, {"per_minute": 10**12}])
def test_a_limit_that_is_none_is_refused(settings: Settings, wanted: dict[str, int]) -> None:
    with pytest.raises(InvalidRequest, match=r"per-minute|images-a-day"):
        make(settings, **wanted)
