"""`ganymede keys`: who may use the API. Works on the file of keys itself, so it needs no service, and no key.

A key goes to stdout alone, once; what else is said goes to stderr and never holds it.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ganymede.commands import show
from ganymede.commands.session import FAILED, USAGE

if TYPE_CHECKING:
    from core.keys import Key, KeysFile, KeyWanted, SecretKey
    from ganymede.schemas.keys import KeyScope

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
SPAN = re.compile(r"([0-9]{1,6})([mhdw])")
NEVER, ANY = "never", "any"
OR_ANY = f"{ANY}: no limit"
LIMITS = {
    "per_minute": "requests a minute",
    "images_a_day": "images a day",
    "training_minutes_a_day": "training minutes a day",
}
SCOPES = "read, generate, train, models:write, datasets:write, webhooks:write, admin"

keys = typer.Typer(no_args_is_help=True, help="Keys of the API: who may do what.")

T = TypeVar("T")
KeyName = Annotated[str, typer.Argument(metavar="KEY", help="Its id (gnm_ and 12 digits), or its name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@keys.command("create")
def create_key(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Whose it is, or what for. Default: its id.")
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"What it may be used for, comma-separated or repeated: {SCOPES}. Needed."),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(help="When it ends: 30m, 12h, 90d, 8w from now, or a date. Default: never."),
    ] = None,
    per_minute: Annotated[int | None, typer.Option(help="Requests that it may send a minute. Default: any.")] = None,
    images_a_day: Annotated[
        int | None, typer.Option(help="Images that it may draw a day (of UTC). Default: any.")
    ] = None,
    training_minutes_a_day: Annotated[
        int | None, typer.Option(help="Minutes a day (of UTC) that its runs may train. Default: any.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key, and print it: this once, since only its hash is kept. A running API knows it at once."""
    limits = {
        "per_minute": per_minute,
        "images_a_day": images_a_day,
        "training_minutes_a_day": training_minutes_a_day,
    }
    made = _on_file(lambda file: file.create(_wanted(name, scope or [], expires).model_copy(update=limits)))
    _note("keys create", made.key)
    _show_once(made, f", for {', '.join(made.key.scopes)}; it is shown this once:", as_json=as_json)


@keys.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List the keys, also those that are over; none of them can be shown again."""
    found = _on_file(lambda file: file.read())
    used = _last_used()
    if as_json:
        show.line(json.dumps({"data": [{**_body(key), "last_used_at": _iso(used.get(key.id))} for key in found]}))
        return
    columns = ("KEY", "NAME", "SCOPES", "STATE", "CREATED", "EXPIRES", "LAST USED", "LIMITS")
    show.table(columns, [_row(key, used.get(key.id)) for key in found])


def _row(key: "Key", used_at: datetime | None) -> tuple[object, ...]:
    ends = _day(key.created_at), _day(key.expires_at), _day(used_at)
    limits = ", ".join(
        f"{value} {words}" for name, words in LIMITS.items() if (value := getattr(key, name)) is not None
    )
    return key.id, key.name, ",".join(key.scopes), _state(key), *ends, limits


@keys.command("change")
def change_key(
    key: KeyName,
    scope: Annotated[list[str] | None, typer.Option(help="In place of those that it has; as for create.")] = None,
    expires: Annotated[str | None, typer.Option(help="When it ends: as for create, or never.")] = None,
    per_minute: Annotated[str | None, typer.Option(help=f"Requests that it may send a minute; {OR_ANY}.")] = None,
    images_a_day: Annotated[str | None, typer.Option(help=f"Images that it may draw a day; {OR_ANY}.")] = None,
    training_minutes_a_day: Annotated[
        str | None, typer.Option(help=f"Minutes a day that its runs may train; {OR_ANY}.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change the limits, the scopes or the end of a key; what is left out stays. It counts from the next request on."""
    from core.errors import InvalidRequest
    from core.keys import KeyChange

    texts = {"per_minute": per_minute, "images_a_day": images_a_day, "training_minutes_a_day": training_minutes_a_day}

    def change(file: "KeysFile") -> "Key":
        changes: dict[str, int | datetime | tuple[KeyScope, ...] | None] = {
            name: _number(name, text) for name, text in texts.items() if text is not None
        }
        if expires is not None:
            changes["expires_at"] = None if expires == NEVER else _moment(expires)
        if scope is not None:
            changes["scopes"] = _scopes(scope)
        if not changes:
            raise InvalidRequest.field("key", "nothing is to be changed; `ganymede keys change --help` has what can be")
        return file.change(key, KeyChange.model_validate(changes))

    changed = _on_file(change)
    _note("keys change", changed)
    if as_json:
        show.line(json.dumps(_body(changed)))
    else:
        _say(f"key {changed.id} ({show.clean(changed.name)}) is changed; `ganymede keys list` shows it")


@keys.command("rotate")
def rotate_key(
    key: KeyName,
    old_for: Annotated[
        str, typer.Option(metavar="SPAN", help="How long the old one still opens the same: 30m, 12h, 7d, or 0m.")
    ] = "1d",
    as_json: AsJson = False,
) -> None:
    """Give a key another secret, and print it: this once. Its id stays, and so do its limits and all that it made."""

    def rotate(file: "KeysFile") -> "SecretKey":
        return file.rotate(key, _moment(old_for, "old-for"))

    made = _on_file(rotate)
    _note("keys rotate", made.key)
    told = f" from now on; it is shown this once. The old one ends at {_day(made.key.old_until)}"
    _show_once(made, told, as_json=as_json)


def _show_once(made: "SecretKey", told: str, *, as_json: bool) -> None:
    """Print the text of a key on stdout, alone or as JSON; what is to be said of it goes beside."""
    text = made.text.get_secret_value()
    if as_json:
        show.line(json.dumps({**_body(made.key), "key": text}))
        return
    _say(f"key {made.key.id} ({show.clean(made.key.name)}){told}")
    show.line(text)


def _number(name: str, text: str) -> int | None:
    from core.errors import InvalidRequest

    if text == ANY:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 12:
        raise InvalidRequest.field(name.replace("_", "-"), f"a number, or {ANY}")
    return int(text)


def _last_used() -> dict[str, datetime]:
    from core.keys import LastUse
    from core.settings import load_settings

    return LastUse(load_settings().last_use_path).read()


@keys.command("revoke")
def revoke_key(
    key: KeyName,
    as_json: AsJson = False,
) -> None:
    """Let a key open nothing any more, at once: requests are refused, sessions and streams that it opened end."""
    revoked = _on_file(lambda file: file.revoke(key))
    _note("keys revoke", revoked)
    if as_json:
        show.line(json.dumps(_body(revoked)))
    else:
        _say(f"key {revoked.id} ({show.clean(revoked.name)}) is revoked since {_day(revoked.revoked_at)}")


def _wanted(name: str | None, scopes: list[str], expires: str | None) -> "KeyWanted":
    from core.keys import KeyWanted

    return KeyWanted(name=name, scopes=_scopes(scopes), expires_at=_moment(expires) if expires else None)


def _scopes(scopes: list[str]) -> "tuple[KeyScope, ...]":
    from core.errors import InvalidRequest
    from ganymede.schemas.keys import KeyScope

    words = [word.strip() for text in scopes for word in text.split(",") if word.strip()]
    for word in words:
        if word not in set(KeyScope):
            raise InvalidRequest.field(
                "scope", f"one of {', '.join(KeyScope)}, or several; got {show.clean(word[:40])!r}"
            )
    return tuple(map(KeyScope, words))


def _moment(text: str, field: str = "expires") -> datetime:
    """A span from now, or a date of ISO 8601; without a zone it is that of this machine."""
    from core.errors import InvalidRequest

    span = SPAN.fullmatch(text)
    try:
        if span:
            return datetime.now(UTC) + timedelta(**{UNITS[span[2]]: int(span[1])})
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidRequest.field(field, "30m, 12h, 90d, 8w from now, or a date, as 2030-12-31") from None


def _on_file(work: "Callable[[KeysFile], T]") -> T:
    """Do something with the file of keys that the settings name; whatever fails is one line."""
    try:
        from core.errors import InvalidRequest
        from core.keys import KeysFile
        from core.keys.errors import KeysUnusable
        from core.settings import SettingsError, load_settings
    except ModuleNotFoundError as error:
        _say(f"keys are made where the service runs: here is no {error.name} (pip install 'ganymede-gan[server]')")
        raise typer.Exit(FAILED) from None
    try:
        return work(KeysFile(load_settings().keys_path))
    except (InvalidRequest, SettingsError) as error:
        _say(str(error))
        raise typer.Exit(USAGE if isinstance(error, SettingsError) else FAILED) from None
    except KeysUnusable as error:
        _say(str(error))
        raise typer.Exit(FAILED) from None
    except OSError as error:
        _say(f"{error.filename}: {error.strerror}")
        raise typer.Exit(FAILED) from None


def _note(what: str, key: "Key") -> None:
    from core.keys.audit import AuditLog, Deed
    from core.settings import load_settings

    AuditLog(load_settings().audit_path).note(Deed(by="command", what=what, about_key=key.id))


def _body(key: "Key") -> dict[str, object]:
    """All of a key but its hash."""
    return {**key.model_dump(mode="json", exclude={"sha256", "old_sha256"}), "state": _state(key)}


def _state(key: "Key") -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.has_expired(datetime.now(UTC).timestamp()) else "ok"


def _day(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone().isoformat(" ", "minutes")


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _say(text: str) -> None:
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True, highlight=False).print(Text.assemble(("ganymede: ", "red"), text), soft_wrap=True)
