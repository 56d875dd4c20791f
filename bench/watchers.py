"""What watchers of one run cost the API: `python -m bench.watchers [--watchers 50] [--seconds 30]`.

Starts the whole service with a home of its own, trains a long run, and reads how much processor time the API's process
takes: first with nobody watching, then with N clients on `GET /train/{id}/events`. The difference is what they cost.
Prints it as a share of one core, with the messages each client got, how late events came, and whether ids had gaps.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from bench.machine import machine
from bench.proc import cpu_seconds
from core.settings import load_settings
from ganymede.supervisor import Supervisor, base_url, free_port

RUN = {
    "recipe": "cgan",
    "dataset": "mnist-10k",
    "model": "watched",
    "config": {"steps": 1_000_000, "width": 16, "batch_size": 16, "latent_dim": 8, "checkpoint_every": 2000},
    "publish": {"every_steps": 2000},
}


@dataclass
class Watcher:
    """What one client got."""

    ids: list[int] = field(default_factory=list)
    messages: int = 0
    late_s: list[float] = field(default_factory=list)


async def watch(client: httpx.AsyncClient, url: str, seen: Watcher) -> None:
    async with client.stream("GET", url, headers={"Accept": "text/event-stream"}) as answer:
        began = datetime.now(UTC)
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                seen.messages += 1
            elif line.startswith('data: {"id":'):
                event = json.loads(line.removeprefix("data: "))
                seen.ids.append(event["id"])
                written = datetime.fromisoformat(event["at"])
                if written > began:
                    seen.late_s.append((datetime.now(UTC) - written).total_seconds())


async def share_of_core(pid: int, seconds: float) -> float:
    began, used = time.monotonic(), cpu_seconds(pid)
    await asyncio.sleep(seconds)
    return (cpu_seconds(pid) - used) / (time.monotonic() - began)


async def measure(url: str, pid: int, watchers: int, seconds: float) -> dict[str, Any]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=None, limits=limits, trust_env=False) as client:
        answer = await client.post("/train", json=RUN)
        answer.raise_for_status()
        run = answer.json()["id"]
        while (await client.get(f"/train/{run}")).json()["progress"]["step"] < 100:
            await asyncio.sleep(0.5)
        alone = await share_of_core(pid, seconds)
        seen = [Watcher() for _ in range(watchers)]
        tasks = [asyncio.create_task(watch(client, f"/train/{run}/events", one)) for one in seen]
        await asyncio.sleep(2)  # the connections, and what happened before
        before = sum(one.messages for one in seen)
        watched = await share_of_core(pid, seconds)
        messages = sum(one.messages for one in seen) - before
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await client.post(f"/train/{run}/cancel")
    late = [value for one in seen for value in one.late_s]
    return {
        "watchers": watchers,
        "seconds": seconds,
        "api_share_alone": round(alone, 4),
        "api_share_watched": round(watched, 4),
        "watchers_share": round(watched - alone, 4),
        "messages_per_second_each": round(messages / watchers / seconds, 2),
        "late_median_s": round(statistics.median(late), 3),
        "late_p99_s": round(statistics.quantiles(late, n=100)[98], 3),
        "gaps": sum(one.ids != list(range(1, len(one.ids) + 1)) for one in seen),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--watchers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ganymede-bench-") as home:
        port = free_port()
        ours = {"home": Path(home), "store": None, "redis_url": None, "port": port}
        settings = load_settings().model_copy(update=ours)
        environment = {f"GANYMEDE_{name.upper()}": str(value or "") for name, value in ours.items()}
        supervisor = Supervisor(settings, say=print, environment=environment)
        with supervisor.running():
            _wait(base_url(settings))
            assert supervisor.api.process is not None
            pid = supervisor.api.process.pid
            found = asyncio.run(measure(base_url(settings), pid, asked.watchers, asked.seconds))
    print(json.dumps({"machine": machine(), **found}, indent=1))


def _wait(url: str) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise SystemExit("the service did not come up")


if __name__ == "__main__":
    main()
