"""`python -m app`: the HTTP API on the address the settings name."""

import asyncio
import contextlib
import gc
import logging
import socket
import sys
import time

import uvicorn
from fastapi import FastAPI

from app.http.protocol import Protocol
from app.main import create_app
from core.keys.door import refuse_open_door
from core.log import configure_logging
from core.machine.systemd import inherited_sockets, notify
from core.settings import SettingsError, load_settings, unknown_variables
from core.store.opening import check_store, make_store_folder
from models.device import check_device

STARTUP_FAILED = 3
COLLECT_AFTER = (10_000, 20, 20)  # objects more than at the last time; collections of each generation
DRAIN_S = 20  # for requests under way when the process is told to end
LAST_REQUESTS_S = 0.5  # for those that are on their way on open connections then
LOOK_EVERY_S = 0.02

log = logging.getLogger("app")


class DrainingServer(uvicorn.Server):
    """Says so before it waits for requests under way, and ends the streams: one would never end by itself."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self.app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What is there now stays: to go through it all again, the collector would stop the loop for 200 ms.
        gc.collect()
        gc.freeze()
        # With Python's own 700 the requests under way would be gone through every few of them: a twelfth of the time.
        gc.set_threshold(*COLLECT_AFTER)
        if self.started:
            notify("READY=1")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        notify("STOPPING=1")
        self.app.state.services.begin_drain()
        await self._answer_the_last()
        await super().shutdown(sockets)

    async def _answer_the_last(self) -> None:
        """Take no new connection, and answer once more on those that are open: each answer says that it is the last."""
        for server in self.servers:
            server.close()
        state = self.server_state
        state.default_headers = [*state.default_headers, (b"connection", b"close")]
        deadline = time.monotonic() + LAST_REQUESTS_S
        while state.connections and time.monotonic() < deadline:
            await asyncio.sleep(LOOK_EVERY_S)


def main() -> None:
    try:
        settings, sockets = load_settings(), inherited_sockets()
        for each in sockets:
            if each.family in (socket.AF_INET, socket.AF_INET6):
                settings = settings.model_copy(update={"host": each.getsockname()[0]})
                refuse_open_door(settings)
        refuse_open_door(settings)
        check_device(settings.device)
        make_store_folder(settings)
        check_store(settings)
    except SettingsError as error:
        sys.exit(f"app: {error}")
    configure_logging(settings.log_format)
    for variable in unknown_variables():
        log.warning(variable)
    logging.getLogger("uvicorn.access").disabled = True
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        http=Protocol,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        proxy_headers=False,  # app/http/proxy.py has the say
        server_header=False,
        timeout_graceful_shutdown=DRAIN_S,
    )
    server = DrainingServer(config, app)
    with contextlib.suppress(KeyboardInterrupt):  # raised again by uvicorn, when all is done
        server.run(sockets or None)
    if not server.started:
        sys.exit(STARTUP_FAILED)


if __name__ == "__main__":
    main()
