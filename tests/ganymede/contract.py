"""A small real HTTP server that answers as a test scripts it, with event streams that break among its answers."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

RUN = "run_0192f1c7a4e1b2c3d4e5"


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """What to send; chunks of a body are sent one by one, and the connection is cut where they raise."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Play = Callable[[Request], Answer]


class Contract:
    """Answers by method and path; `seen` is what was asked."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.seen: list[Request] = []
        self._plays: dict[tuple[str, str], Play] = {}

    def on(self, method: str, path: str, *answers: Answer | Play) -> None:
        """One answer after the other; the last one for ever."""
        left = list(answers)

        def play(request: Request) -> Answer:
            answer = left.pop(0) if len(left) > 1 else left[0]
            return answer(request) if callable(answer) else answer

        self._plays[method, path] = play

    def answer(self, request: Request) -> Answer:
        self.seen.append(request)
        play = self._plays.get((request.method, request.path))
        return play(request) if play else problem(404, "not_found", f"there is nothing at {request.path}")

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.seen if request.path == path]


def problem(status: int, code: str, detail: str, headers: dict[str, str] | None = None, **more: Any) -> Answer:
    body = {"type": f"urn:ganymede:problem:{code}", "title": code.replace("_", " ").capitalize(), "status": status}
    body |= {"code": code, "detail": detail, "instance": "/", "request_id": "0123", **more}
    return Answer(body, status, {"Content-Type": "application/problem+json", **(headers or {})})


def page(*items: Any, next_cursor: str | None = None) -> Answer:
    return Answer({"data": list(items), "next_cursor": next_cursor})


def run_body(run: str = RUN, status: str = "running", step: int = 0, **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": run,
        "name": None,
        "tags": {},
        "notes": None,
        "recipe": "cgan",
        "dataset": "shapes",
        "model": "mine",
        "status": status,
        "is_terminal": status in ("succeeded", "failed", "canceled"),
        "phase": None,
        "attempt": 1,
        "queue": {"position": None},
        "config": {},
        "resolved": {},
        "execution": None,
        "progress": {"step": step, "total": 10, "fraction": step / 10, "images_seen": 0, "images_per_second": None},
        "eta_at": None,
        "latest": {"metrics": {}, "sample_step": None, "sample_url": None, "checkpoint_step": None},
        "diagnosis": None,
        "stop": {"on": [], "action": "alert"},
        "failure": None,
        "published": [],
        "created_at": "2026-01-01T00:00:00Z",
        "started_at": None,
        "finished_at": None,
        "last_heartbeat_at": None,
        "links": {},
    }
    return body | more


def event(number: int, kind: str = "metrics", **data: Any) -> dict[str, Any]:
    return {"id": number, "type": kind, "at": "2026-01-01T00:00:00Z", "data": data}


def status(number: int, now: str) -> dict[str, Any]:
    return event(number, "status", status=now, attempt=1)


def stream(*messages: dict[str, Any] | bytes, is_cut: bool = False) -> Answer:
    """Events as server-sent events; those without an id are sent as `progress`. `is_cut`: the connection breaks."""

    def chunks() -> Iterator[bytes]:
        for message in messages:
            yield message if isinstance(message, bytes) else sse(message)
        if is_cut:
            raise ConnectionAbortedError

    return Answer(chunks(), headers={"Content-Type": "text/event-stream"})


def sse(message: dict[str, Any]) -> bytes:
    if "id" not in message:
        now = {"status": "running", "phase": "training", "attempt": 1, "eta_at": None, "metrics": {}, **message}
        return f"event: progress\ndata: {json.dumps(now)}\n\n".encode()
    return f"id: {message['id']}\nevent: {message['type']}\ndata: {json.dumps(message)}\n\n".encode()


@contextmanager
def serving() -> Iterator[Contract]:
    """A Contract on a free port of this machine."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        contract = server.contract = Contract(server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield contract
        server.shutdown()
        thread.join()


class _Server(ThreadingHTTPServer):
    contract: Contract
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        return  # a client that goes away is a part of the test


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _play(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, parts.path, parse_qs(parts.query), headers, body)
        try:
            self._send(self.server.contract.answer(request))
        except ConnectionError:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _play

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        body = answer.body
        kind = "application/json" if isinstance(body, dict) else "text/plain; charset=utf-8"
        for name, value in {"Content-Type": kind, **answer.headers}.items():
            self.send_header(name, value)
        body = json.dumps(body) if isinstance(body, dict) else body
        whole = body.encode() if isinstance(body, str) else body
        if isinstance(whole, bytes):
            self.send_header("Content-Length", str(len(whole)))
            self.end_headers()
            self.wfile.write(whole)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        chunks: Iterable[bytes] = answer.body
        for chunk in chunks:
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        return
