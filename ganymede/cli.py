"""The `ganymede` command. Each verb is a thin shell around a function; errors are one clear sentence and a status."""

from typing import NoReturn

import typer
from rich.console import Console
from rich.markup import escape

app = typer.Typer(
    name="ganymede",
    help="Trains generative adversarial networks and serves their generators over HTTP.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
talk = Console(stderr=True, highlight=False)

FAILED, USAGE, UNREACHABLE = 1, 2, 3


@app.callback()
def main() -> None:
    """Settings come from the environment; docs/settings.md lists them."""


@app.command()
def up() -> None:
    """Start the broker, the API and a worker; Ctrl-C stops them, and running trainings are taken up again next time."""
    from ganymede.up import run  # here: `ganymede --help` needs nothing of the server

    _exit_on_error(run)


@app.command()
def demo() -> None:
    """Train a small conditional GAN through the API, draw with it, measure it, stop. Takes minutes."""
    from ganymede.demo import run

    _exit_on_error(run)


def _exit_on_error(run: object) -> NoReturn:
    from core.settings import SettingsError
    from ganymede.broker import BrokerError
    from ganymede.supervisor import CannotStart

    assert callable(run)
    try:
        status = run(talk)
    except SettingsError as error:
        _complain(error)
        raise typer.Exit(USAGE) from None
    except (BrokerError, CannotStart, OSError) as error:  # OSError: a folder that cannot be written, a full disk
        _complain(error)
        raise typer.Exit(FAILED) from None
    raise typer.Exit(status)


def _complain(error: Exception) -> None:
    talk.print(f"[red]ganymede:[/] {escape(str(error))}", soft_wrap=True)
