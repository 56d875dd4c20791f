"""What every command that speaks to the service shares: its options, its client, how it fails. Knows no route.

Data goes to stdout; progress, messages and errors go to stderr.
"""

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar, cast

import typer
from rich.console import Console
from rich.text import Text

from ganymede.commands import picture, show

if TYPE_CHECKING:
    from ganymede.client import Client
    from ganymede.schemas.bodies import Page

FAILED, USAGE, UNREACHABLE, INTERRUPTED = 1, 2, 3, 130
SERVICE = "http://127.0.0.1:8000"
PORT = "GANYMEDE_PORT"
ADDRESSES = ("GANYMEDE_URL", PORT)  # variables; the first one that is set counts

T = TypeVar("T")
Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS: dict[str, tuple[Any, Any]] = {
    "url": (
        Annotated[
            str,
            typer.Option(
                envvar=[*ADDRESSES],
                metavar="URL",
                help="Address of the service; a number alone is a port of this machine.",
                rich_help_panel="Service",
            ),
        ],
        SERVICE,
    ),
    "as_json": (
        Annotated[bool, typer.Option("--json", help="Print the API's own JSON.", rich_help_panel="Service")],
        False,
    ),
    "quiet": (
        Annotated[
            bool, typer.Option("--quiet", "-q", help="Print ids alone, and no progress.", rich_help_panel="Service")
        ],
        False,
    ),
    "curl": (
        Annotated[
            bool,
            typer.Option("--curl", help="Send nothing; print the same as curl commands.", rich_help_panel="Service"),
        ],
        False,
    ),
}


class Refused(Exception):
    """A command found a reason not to do what it was asked; the text says it."""


class Session:
    """A running command: its client, and the user's choice of output."""

    def __init__(self, url: str, as_json: bool, quiet: bool, curl: bool) -> None:
        from ganymede.client import Client  # here: `ganymede --help` needs no HTTP
        from ganymede.commands.curl import CurlTransport

        self.as_json, self.quiet, self.curl, self._url = as_json, quiet, curl, url
        self.talk = Console(stderr=True, highlight=False, quiet=quiet)
        try:
            self._writer = CurlTransport()
            self.client: Client = Client(url, transport=self._writer if curl else None)
        except ValueError as error:
            raise _bad_address(str(error), url) from None

    def another_client(self) -> "Client":
        """Return a client for another thread, without retries."""
        from ganymede.client import Client

        return Client(self._url, retries=0)

    def say(self, message: str, style: str = "") -> None:
        """Print a message for people on stderr."""
        self.talk.print(Text(message, style), soft_wrap=True)

    @property
    def shows_pictures(self) -> bool:
        return not self.as_json and picture.way_of(self.talk) is not None

    def show_picture(self, content: bytes) -> None:
        """Show a picture on stderr, where that is a terminal that can."""
        if self.shows_pictures:
            picture.show(self.talk, content)

    def reply(self, ids: Iterable[object], shown: Callable[[], object]) -> None:
        """Print the answer on stdout in the requested form."""
        if self.as_json:
            self.reply_json()
        elif self.quiet:
            for each in ids:
                show.line(str(each))
        else:
            shown()

    def reply_json(self) -> None:
        answer = self.client.last_answer
        assert answer is not None
        show.line(answer.text)

    def reply_list(
        self,
        pages: "Iterator[Page[T]]",
        columns: Sequence[str],
        row: Callable[[T], Sequence[object]],
        limit: int | None = None,
    ) -> None:
        """Print a list on stdout: JSON page by page, else a table of up to `limit` rows; a row begins with its id."""
        rows: list[Sequence[object]] = []
        count = 0
        for page in pages:
            if self.as_json:
                self.reply_json()
            rows += [row(item) for item in page.data]
            count += len(page.data)
            if limit is not None and count >= limit:
                break
        if not self.as_json:
            self.reply([each[0] for each in rows[:limit]], lambda: show.table(columns, rows[:limit]))

    def save_to(self, path: str) -> None:
        """Note where the next answer will be saved; curl must know that beforehand."""
        self._writer.output = path

    def step(self, call: Callable[[], T]) -> T:
        """Make one of several requests; if requests are only printed, go on to the next."""
        if not self.curl:
            return call()
        show.line(_command(call))
        return cast(T, None)

    def capture(self, name: str, pattern: str, call: Callable[[], T], *, key: str = "") -> T:
        """Make a request whose answer a later one needs: curl puts it into the shell variable `name`.

        `pattern` finds it in the answer, as grep does; `key` is cut off its front.
        """
        if not self.curl:
            return call()
        command = _command(call).replace("curl", "curl -sS", 1)
        cut = f" | cut -c {len(key) + 1}-" if key else ""
        show.line(f"{name}=$({command} | grep -o '{key}{pattern}' | head -n 1{cut})")
        self._writer.variables.add(name)
        return cast(T, f"${name}")


def _bad_address(why: str, url: str) -> typer.BadParameter:
    """Name the option or variable that has the bad address."""
    from ganymede.client.environment import source

    variable = source(url, *ADDRESSES)
    if variable == PORT and url.startswith("tcp://"):
        why += "; Kubernetes sets it where a Service is named ganymede: set GANYMEDE_URL, or enableServiceLinks: false"
    return typer.BadParameter(why, param_hint=variable or "--url")


def _command(call: Callable[[], object]) -> str:
    from ganymede.commands.curl import NotSent

    try:
        call()
    except NotSent as request:
        return request.command
    raise AssertionError("nothing is sent while curl commands are printed")


def command(group: typer.Typer, name: str | None = None) -> Callable[[Function], Function]:
    """Register a function as a command that gets a Session and the options of all commands."""

    def register(function: Function) -> Function:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        shared = [
            inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for option, (annotation, default) in _OPTIONS.items()
        ]

        @functools.wraps(function)
        def run(**given: Any) -> NoReturn:
            asked = {option: given.pop(option) for option in _OPTIONS}
            raise typer.Exit(_run(functools.partial(function, **given), **asked))

        parameters = [*(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own), *shared]
        run.__dict__["__signature__"] = inspect.Signature(parameters)
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        group.command(name)(run)
        return function

    return register


def _run(function: Callable[[Session], int | None], **asked: Any) -> int:
    """Run a command, and turn any error into one clear block and an exit status."""
    from ganymede.commands.complain import complain
    from ganymede.commands.curl import NotSent
    from ganymede.errors import ClientError

    show.prepare()
    try:
        session = Session(**asked)
        with session.client:
            try:
                status = function(session) or 0
            except NotSent as request:
                show.line(request.command)
                status = 0
        show.flush()
        return status
    except BrokenPipeError:  # `ganymede runs ls | head -1`: the reader has what it wants, and that is no error
        return 0
    except (ClientError, Refused, OSError, UnicodeEncodeError) as error:
        return complain(error, as_json=asked["as_json"])
    finally:
        show.finish()
