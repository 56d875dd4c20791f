"""An import followed while it is sent and decoded: asks the service how far it is, on a connection of its own."""

import contextlib
import secrets
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from ganymede.commands.session import Session

if TYPE_CHECKING:
    from ganymede.client import Client
    from ganymede.schemas.system import ImportBody

ASKED_EVERY_S = 0.5


@contextlib.contextmanager
def show_import(session: Session) -> Iterator[str | None]:
    """Yield the Request-Id for the upload; show its progress on a terminal until the block ends."""
    if session.curl or session.quiet or not session.talk.is_terminal:
        yield None
        return
    request_id, is_over = secrets.token_hex(8), threading.Event()
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[where]}"))
    with Progress(*columns, console=session.talk, transient=True) as progress:
        task = progress.add_task("sending", total=None, where="")
        asker = threading.Thread(target=_ask, args=(session.another_client(), request_id, is_over, progress, task))
        asker.start()
        try:
            yield request_id
        finally:
            is_over.set()
            asker.join()


def _ask(client: "Client", request_id: str, is_over: threading.Event, progress: Progress, task: TaskID) -> None:
    from ganymede.errors import ClientError

    with client:
        while not is_over.wait(ASKED_EVERY_S):
            with contextlib.suppress(ClientError):  # the upload itself tells what is wrong
                for now in client.status().imports:
                    if now.request_id == request_id:
                        progress.update(
                            task, description=now.phase, completed=now.done, total=now.total, where=_at(now)
                        )


def _at(now: "ImportBody") -> str:
    if now.phase == "receiving":
        return f"{now.done / 1e6:.0f} MB" if now.total is None else f"{now.done / 1e6:.0f} of {now.total / 1e6:.0f} MB"
    return f"{now.done} of {now.total}" if now.total else ""
