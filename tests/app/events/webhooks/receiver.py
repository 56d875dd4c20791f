"""A real HTTP receiver on 127.0.0.1 that writes down what it gets, and answers as it is told to."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


@dataclass(frozen=True)
class Received:
    """One request, and the status that it got."""

    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> dict[str, Any]:
        """What it says, once the library of the standard has verified it."""
        found: dict[str, Any] = Webhook(secret).verify(self.body, self.headers)
        return found


@dataclass
class Receiver:
    """`answer` is told how many requests there were before, and returns a status."""

    answer: Callable[[int], int] = lambda _: 200
    headers: dict[str, str] = field(default_factory=dict)  # of each answer
    text: bytes = b"thank you"
    port: int = 0
    received: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?a=b"

    @property
    def taken(self) -> list[Received]:
        """Those that were answered 2xx, in the order that they came, each once."""
        once = {each.id: each for each in self.received if each.status < 300}
        return list(once.values())


@contextmanager
def receiving(receiver: Receiver) -> Iterator[Receiver]:
    lock = threading.Lock()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                status = receiver.answer(len(receiver.received))
                told = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(told, body, status))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(receiver.text)), **receiver.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(receiver.text)

        def log_message(self, *_: object) -> None: ...

        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):  # who sent was killed, or had read enough
                super().handle()

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        receiver.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()
