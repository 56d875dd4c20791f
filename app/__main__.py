"""`python -m app`: the HTTP API on the address the settings name."""

import logging
import sys

import uvicorn

from app.main import create_app
from core.log import configure_logging
from core.settings import SettingsError, load_settings

DRAIN_S = 20  # for requests under way when the process is told to end


def main() -> None:
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.exit(f"app: {error}")
    configure_logging(settings.log_format)
    logging.getLogger("uvicorn.access").disabled = True
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_S,
    )


if __name__ == "__main__":
    main()
