"""`-o FILE` of the commands that save what came: what a name means, refused before anything is asked where it is wrong.

Knows no route.
"""

import sys

import typer

from ganymede import output
from ganymede.commands import show
from ganymede.commands.session import Refused, Session

STDOUT = "-"


def check(session: Session, name: str, *, is_text: bool = False) -> None:
    """Refuse a name that nothing can be written to; else note it for `--curl`."""
    if not name:
        raise typer.BadParameter(output.EMPTY_NAME, param_hint="-o")
    session.save_to(name)
    if name == STDOUT and not session.curl:
        if isinstance(sys.stdout, show.Closed):
            raise Refused("stdout is closed")
        if sys.stdout.isatty() and not is_text:
            raise typer.BadParameter(output.TERMINAL, param_hint="-o")


def put(name: str, content: bytes) -> None:
    """Write to a file, whole or not at all, or to stdout."""
    if name == STDOUT:
        show.data(content)
    else:
        output.write(name, content)


def shown_name(name: str) -> str:
    return "stdout" if name == STDOUT else show.clean(name)
