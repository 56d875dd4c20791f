"""`ganymede store`: models from one store to another. Works on the stores themselves, so it needs no service."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganymede.commands.session import FAILED, USAGE

if TYPE_CHECKING:
    from core.registry import Registry
    from core.settings import Settings

store = typer.Typer(no_args_is_help=True, help="Stores: folders, and buckets of models.")

FROM, TO = "from", "to"
Place = "A folder, or s3://BUCKET/PREFIX (its server: GANYMEDE_STORE_ENDPOINT; its keys: AWS_*)."


@store.callback()
def about() -> None:
    """Stores: folders, and buckets of models."""


@store.command("copy")
def copy_store(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help=Place)],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="The same.")],
) -> None:
    """Copy all models of a store into another, and check each version there. Stopped, a repeat goes on.

    Versions, aliases and their history; no runs and no datasets. Publish nothing at the source meanwhile, or repeat it.
    """
    from core.errors import GanymedeError
    from core.registry.copying import copy_models
    from core.settings import SettingsError, load_settings

    sent, nbytes, known = 0, 0, 0
    try:
        settings = load_settings()
        with tempfile.TemporaryDirectory() as aside:
            here, there = _open(settings, source, Path(aside) / FROM), _open(settings, target, Path(aside) / TO)
            for copied in copy_models(here, there):
                typer.echo(f"{copied.model}@{copied.version}  {'copied' if copied.is_new else 'was there'}", err=True)
                sent, known = sent + copied.is_new, known + (not copied.is_new)
                nbytes += copied.nbytes * copied.is_new
    except SettingsError as error:
        typer.echo(f"ganymede: {error}", err=True)
        raise typer.Exit(USAGE) from None
    except (GanymedeError, OSError) as error:
        typer.echo(f"ganymede: {error}; what was copied is whole, and a repeat goes on behind it", err=True)
        raise typer.Exit(FAILED) from None
    typer.echo(f"{sent} versions copied ({nbytes} bytes), {known} were there; all checked")


def _open(settings: "Settings", place: str, aside: Path) -> "Registry":
    """Open a store by its address. `aside`: where folders of a bucket are read and put together."""
    from core.network.bucket_url import parse_store
    from core.registry import Registry
    from core.settings import SettingsError
    from core.store import Store
    from core.store.opening import check_store, open_repository

    try:
        found = parse_store(place)
    except ValueError as error:
        raise SettingsError(f"{place.partition('://')[0]}: {error}") from None
    if isinstance(found, Path) and aside.name == FROM and not (found / "models").is_dir():
        raise SettingsError(f"{found} is no store: it has no folder models")
    opened = settings.model_copy(update={"store": found, "home": aside, "store_cache": 0})
    check_store(opened)
    return Registry(open_repository(opened, Store(opened.store_path)))
