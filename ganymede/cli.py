"""The `ganymede` command: what verbs there are, and `up` and `demo`, which run the service itself. Knows no route."""

from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from ganymede.commands import history  # noqa: F401 - adds its commands to `runs`
from ganymede.commands.classify import classify
from ganymede.commands.complete import complete
from ganymede.commands.datasets import datasets
from ganymede.commands.doctor import doctor
from ganymede.commands.generate import generate
from ganymede.commands.inspect import inspect
from ganymede.commands.keys import keys
from ganymede.commands.models import models
from ganymede.commands.morph import morph
from ganymede.commands.runs import runs
from ganymede.commands.say import say
from ganymede.commands.session import FAILED, USAGE, command
from ganymede.commands.store import store
from ganymede.commands.train import train
from ganymede.schemas import VERSION

app = typer.Typer(
    name="ganymede",
    help="Trains generative adversarial networks and serves their generators over HTTP.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
talk = Console(stderr=True, highlight=False)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"ganymede {VERSION}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Tell the version and stop.")
    ] = False,
) -> None:
    """Trains generative adversarial networks and serves their generators over HTTP."""


@app.command()
def up() -> None:
    """Start the broker, the API and a worker; Ctrl-C stops them, and running trainings are taken up again next time."""
    _run_service("ganymede.up")


@app.command()
def demo() -> None:
    """Train a small conditional GAN through the API, draw with it, measure it, stop. Takes minutes."""
    _run_service("ganymede.demo")


command(app)(doctor)
command(app)(train)
command(app)(generate)
command(app)(morph)
command(app)(complete)
command(app)(say)
command(app)(classify)
command(app)(inspect)
app.add_typer(runs, name="runs")
app.add_typer(models, name="models")
app.add_typer(datasets, name="datasets")
app.add_typer(keys, name="keys")
app.add_typer(store, name="store")


def _run_service(module: str) -> NoReturn:
    """Run a module that needs the server's packages, with settings from the environment."""
    import importlib

    try:
        from core.settings import SettingsError
        from ganymede.broker import BrokerError
        from ganymede.supervisor import CannotStart

        run = importlib.import_module(module).run
    except ModuleNotFoundError as error:
        _complain(f"the service needs the package {error.name}: pip install 'ganymede-gan[server,worker]'")
        raise typer.Exit(FAILED) from None
    try:
        status = run(talk)
    except SettingsError as error:
        _complain(str(error))
        raise typer.Exit(USAGE) from None
    except (BrokerError, CannotStart, OSError) as error:  # OSError: a folder that cannot be written, a full disk
        _complain(str(error))
        raise typer.Exit(FAILED) from None
    raise typer.Exit(status)


def _complain(what: str) -> None:
    talk.print(f"[red]ganymede:[/] {escape(what)}", soft_wrap=True)
