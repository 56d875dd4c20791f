"""Errors as people read them: title, detail and field in one block on stderr, and the exit status they mean.

Knows no route.
"""

import sys

from rich.console import Console
from rich.text import Text

from ganymede.commands import show
from ganymede.commands.session import FAILED, UNREACHABLE, USAGE
from ganymede.errors import ApiError, Misconfigured, Timeout, Unreachable


def complain(error: Exception, *, as_json: bool = False) -> int:
    """Print an error, and return the exit status."""
    if isinstance(error, UnicodeEncodeError):  # bytes of an argument that are no text
        _say("an argument is not valid text")
        return USAGE
    if isinstance(error, ApiError):
        if as_json and sys.stderr is not None:
            sys.stderr.write(error.problem.model_dump_json(exclude_none=True) + "\n")
        else:
            _explain(error)
        return FAILED
    if isinstance(error, OSError):
        message = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
        _say(show.clean(message))
        return FAILED
    _say(show.clean(str(error)))
    if isinstance(error, Unreachable | Misconfigured):
        if not isinstance(error, Timeout | Misconfigured):
            _say("start the service with `ganymede up`, or name another with --url", more=True)
        return UNREACHABLE
    return FAILED


def _explain(error: ApiError) -> None:
    fields = [(show.clean(field.pointer), show.clean(field.detail)) for field in error.errors]
    if not fields:
        _say(f"{error.title}: {show.clean(error.detail)}")
    elif len(fields) == 1 and fields[0][0] == show.NOTHING:
        _say(f"{error.title}: {fields[0][1]}")
    else:
        _say(error.title)
        for pointer, detail in fields:
            _say(detail if pointer == show.NOTHING else f"{pointer}: {detail}", more=True)
    allowed = error.problem.allowed
    if allowed is not None:
        _say(f"from here it may become: {', '.join(allowed) or 'nothing else'}", more=True)
    if error.status >= 500 and error.request_id:
        _say(f"the service's log has more under request_id {error.request_id}", more=True)


def _say(message: str, *, more: bool = False) -> None:
    text = Text(f"  {message}") if more else Text.assemble(("ganymede: ", "red"), message)
    Console(stderr=True, highlight=False).print(text, soft_wrap=True)
