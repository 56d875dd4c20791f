"""`ganymede models`: published models, what their names point to, and their files in and out. Knows no route."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganymede import output as saving
from ganymede.commands import completion, show
from ganymede.commands.output import STDOUT
from ganymede.commands.session import Refused, Session, command
from ganymede.schemas.references import LATEST, PRODUCTION, ModelRef

if TYPE_CHECKING:
    from ganymede.schemas.models import AliasBody, VersionBody

WEIGHTS, MANIFEST = "generator.safetensors", "manifest.json"  # as a published folder names them
WEIGHTS_END, MANIFEST_END = ".safetensors", ".manifest.json"

models = typer.Typer(no_args_is_help=True, help="Published models, their versions and aliases.")

Name = Annotated[str, typer.Argument(metavar="MODEL", help="Name of a model.", autocompletion=completion.models)]
Alias = Annotated[str, typer.Option("--alias", "-a", help="Which pointer.")]


@command(models, "ls")
def list_models(session: Session) -> None:
    """List the models."""
    session.reply_list(
        session.client.models.pages(),
        ("MODEL", "NEWEST", "SERVED", "ALIASES", "TASK", "MEDIUM"),
        lambda m: (m.name, m.newest_version, m.served_version, _aliases(m.aliases), m.task, m.medium),
    )


def _aliases(aliases: dict[str, int]) -> str:
    return ", ".join(f"{name}={version}" for name, version in sorted(aliases.items()))


@command(models, "show")
def show_model(session: Session, model: Name) -> None:
    """Show a model's versions, newest first."""
    body = session.client.models.get(model)

    def shown() -> None:
        pointing: dict[int, list[str]] = {}
        for name, version in sorted(body.aliases.items()):
            pointing.setdefault(version, []).append(name)
        show.table(
            (
                "VERSION",
                "STEP",
                "RECIPE",
                "DATASET",
                "ALIASES",
                "LOADED",
                "PROBLEM",
                "RUN",
                "DIGEST",
                "MADE BY",
                "TASK",
                "MEDIUM",
            ),
            [_row(version, pointing.get(version.version, [])) for version in body.versions],
        )
        if body.made_by is not None:
            session.say(f"made by {show.key(body.made_by)}")
        for number, problem in body.damaged_versions.items():
            session.say(f"version {number} cannot be used: {problem}", "yellow")

    session.reply((f"{model}@{version.version}" for version in body.versions), shown)


def _row(v: "VersionBody", aliases: list[str]) -> tuple[object, ...]:
    loaded = "yes" if v.is_loaded else "no"
    facts = v.version, v.step, v.recipe, v.dataset.get("name"), ", ".join(aliases), loaded, v.problem, v.run, v.digest
    return *facts, show.key(v.made_by), v.task, v.medium


@command(models, "promote")
def promote(
    session: Session,
    model: Name,
    version: Annotated[int, typer.Argument(metavar="VERSION", min=1, help="Version it shall point to.")],
    alias: Alias = PRODUCTION,
    reason: Annotated[str | None, typer.Option(help="Kept in the alias's history.")] = None,
) -> None:
    """Let an alias point to a version. With `production` set, the model's name alone means that version."""
    _moved(session, model, session.client.models.promote(model, version, alias, reason=reason))


@command(models, "rollback")
def rollback(
    session: Session,
    model: Name,
    alias: Alias = PRODUCTION,
    reason: Annotated[str | None, typer.Option(help="Kept in the alias's history.")] = None,
) -> None:
    """Let an alias point to where it pointed before. Done twice, it is where it was."""
    models = session.client.models
    if session.curl:
        current = session.capture("CURRENT", "[0-9]*", lambda: models.alias(model, alias).version, key='"version":')
        before = session.capture("VERSION", "[0-9]*", lambda: models.alias(model, alias).previous, key='"previous":')
    else:
        now = models.alias(model, alias)
        current, before = now.version, now.previous
    if before is None:
        raise Refused(f"{model}:{alias} has pointed to {current} from the beginning")
    _moved(session, model, models.promote(model, before, alias, reason=reason, expected=current))


def _moved(session: Session, model: str, alias: "AliasBody") -> None:
    before = "" if alias.previous is None else f" (before: {alias.previous})"
    session.reply([alias.version], lambda: show.line(f"{model}:{alias.alias} -> {alias.version}{before}"))


@command(models, "unalias")
def remove_alias(
    session: Session, model: Name, alias: Annotated[str, typer.Argument(metavar="ALIAS", help="Which pointer.")]
) -> None:
    """Remove an alias. Without `production` the model's name means its newest version again."""
    session.step(lambda: session.client.models.remove_alias(model, alias))
    if not session.curl:
        session.say(f"removed {model}:{alias}")


@command(models, "history")
def history(session: Session, model: Name, alias: Alias = PRODUCTION) -> None:
    """List the moves of an alias, newest first."""
    session.reply_list(
        session.client.models.history_pages(model, alias),
        ("VERSION", "BEFORE", "AT", "REASON"),
        lambda move: (move.version, move.previous, move.at, move.reason),
    )


@command(models, "export")
def export(
    session: Session,
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL[@VERSION]",
            help="NAME, NAME@VERSION or NAME:ALIAS.",
            autocompletion=completion.models,
        ),
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="PATH", help="A folder, or a file that ends in .safetensors.")
    ],
) -> None:
    """Save a version's weights and manifest. The weights are checked against the version's digest."""
    if output in ("", STDOUT):
        what = saving.EMPTY_NAME if not output else "there are two files, so stdout cannot have them"
        raise typer.BadParameter(what, param_hint="-o")
    ref = _reference(model)
    version = _version(session, ref)
    weights, manifest = _targets(output)
    models = session.client.models
    session.save_to(str(manifest))
    facts = session.step(lambda: models.manifest(ref.name, version))
    session.save_to(str(weights))
    if session.curl:
        session.step(lambda: models.weights(ref.name, version, weights))
        return
    digest = models.version(ref.name, version).digest
    weights.parent.mkdir(parents=True, exist_ok=True)
    with saving.writing(manifest) as file:
        file.write(facts)
        models.weights(ref.name, version, weights, digest=digest)
    session.reply([weights, manifest], lambda: show.line(f"{ref.name}@{version} -> {weights}, {manifest}"))


def _reference(text: str) -> ModelRef:
    try:
        return ModelRef.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="MODEL") from None


def _version(session: Session, ref: ModelRef) -> int:
    if ref.version is not None:
        return ref.version
    if session.curl:
        raise typer.BadParameter("with --curl say which version: NAME@VERSION", param_hint="MODEL")
    body = session.client.models.get(ref.name)
    if ref.alias is None:
        return body.aliases.get(PRODUCTION) or body.aliases.get(LATEST) or body.newest_version
    if ref.alias not in body.aliases:
        known = _aliases(body.aliases) or "none"
        raise Refused(f"{ref.name} has no alias {ref.alias!r} (aliases: {known})")
    return body.aliases[ref.alias]


def _targets(name: str | Path) -> tuple[Path, Path]:
    path = Path(name)
    if path.suffix == WEIGHTS_END and not str(name).endswith("/") and not path.is_dir():
        return path, path.with_name(path.name.removesuffix(WEIGHTS_END) + MANIFEST_END)
    return path / WEIGHTS, path / MANIFEST


@command(models, "import")
def import_version(
    session: Session,
    model: Name,
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="What export saved: its folder, or its .safetensors file."),
    ],
) -> None:
    """Upload a version from a file of weights and its manifest; it gets the model's next number."""
    weights, manifest = _sources(paths)
    version = session.client.models.add(model, weights, manifest)
    session.reply([f"{model}@{version.version}"], lambda: show.line(f"{model}@{version.version} {version.digest}"))


def _sources(paths: list[Path]) -> tuple[Path, Path]:
    if len(paths) == 1:
        return _targets(paths[0])
    weights = [path for path in paths if path.suffix == WEIGHTS_END]
    if len(paths) != 2 or len(weights) != 1:
        raise typer.BadParameter("a folder, or a .safetensors file, or that and its manifest", param_hint="PATH")
    return weights[0], next(path for path in paths if path.suffix != WEIGHTS_END)


@command(models, "rm")
def remove(
    session: Session,
    versions: Annotated[
        list[str],
        typer.Argument(metavar="MODEL@VERSION...", help="Versions.", autocompletion=completion.versions),
    ],
) -> None:
    """Delete versions; one that an alias points to is refused."""
    refs = [_reference(text) for text in versions]
    for ref in refs:
        if ref.version is None:
            raise typer.BadParameter(f"say which version of it: {ref.name}@VERSION", param_hint="MODEL@VERSION")
    for ref in refs:
        name, version = ref.name, ref.version
        assert version is not None
        session.step(lambda name=name, version=version: session.client.models.delete_version(name, version))  # type: ignore[misc]
        if not session.curl:
            session.say(f"deleted {ref}")
