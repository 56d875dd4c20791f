"""Clients that hang up in the middle: nothing is left of them, on a real socket."""

import asyncio
import os
import re
from pathlib import Path

import httpx
import pytest

from tests.app.engine.test_seed_contract import publish
from tests.fixtures import StartServer
from tests.processes import on_linux

WARM_UP = 2000  # after so many the memory of an API stays as it is: its allocator has what they need at once
CLIENTS = 1000
AT_ONCE = 200


async def hang_up(port: int, seed: int) -> None:
    """Ask for 64 pictures and go, without waiting for them."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /generate?model=steady&seed={seed}&n=64 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    await writer.drain()
    await asyncio.sleep(0.01)
    writer.close()


async def metric(http: httpx.AsyncClient, pattern: str) -> float:
    """The sum of the samples whose name and labels begin like this."""
    text = (await http.get("/metrics")).text
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if re.match(pattern, line))


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
@on_linux
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="/proc tells what a process has open")
async def test_a_thousand_clients_that_hang_up_leave_nothing_behind(start_server: StartServer, tmp_path: Path) -> None:
    home = tmp_path / "home"
    publish(home / "store", tmp_path, "steady", 1)
    server = start_server(home, GANYMEDE_DEFAULT_MODEL="steady", GANYMEDE_MAX_WAIT="1000", GANYMEDE_CACHE_BYTES="0")
    pid = server.process.pid
    async with server.async_client() as http:
        await storms(server.port, http, range(0, WARM_UP, AT_ONCE))
        open_before, memory_before = len(os.listdir(f"/proc/{pid}/fd")), resident_bytes(pid)
        drawn_before = await metric(http, "ganymede_batch_size_sum")

        await storms(server.port, http, range(WARM_UP, WARM_UP + CLIENTS, AT_ONCE))

        drawn = await metric(http, "ganymede_batch_size_sum") - drawn_before
        assert drawn < CLIENTS * 64 / 2
        assert await metric(http, "ganymede_cancelled_total") >= CLIENTS / 2
        assert len(os.listdir(f"/proc/{pid}/fd")) <= open_before + 2
        assert resident_bytes(pid) < memory_before * 1.1
        assert (await http.get("/generate", params={"seed": 5})).status_code == 200


async def storms(port: int, http: httpx.AsyncClient, firsts: range) -> None:
    """AT_ONCE clients that hang up, again and again; none of their pictures is in memory yet."""
    for first in firsts:
        await asyncio.gather(*(hang_up(port, 1000 * number) for number in range(first, first + AT_ONCE)))
        await settled(http)


async def settled(http: httpx.AsyncClient) -> None:
    """Until nothing waits, in two looks."""
    calm = 0
    while calm < 2:
        calm = calm + 1 if await metric(http, "ganymede_queue_images") == 0 else 0
        await asyncio.sleep(0.2)
