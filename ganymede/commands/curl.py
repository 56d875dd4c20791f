"""`--curl`: requests as curl commands, ready to be pasted into a shell. Sends nothing."""

import shlex
from pathlib import Path

import httpx

# What httpx adds by itself, and what curl adds too.
_IMPLIED = frozenset(
    {"host", "accept-encoding", "connection", "user-agent", "content-length", "content-type", "transfer-encoding"}
)
SHOWS_KEY = "Authorization: Bearer "
WITH_KEY = f'"{SHOWS_KEY}$GANYMEDE_API_KEY"'  # the shell puts it in: what is printed may be shown to others
EVENTS = "text/event-stream"


class NotSent(Exception):
    """A request written down instead of sent; `command` does the same."""

    def __init__(self, command: str) -> None:
        super().__init__(command)
        self.command = command


class CurlTransport(httpx.BaseTransport):
    """Sends nothing: every request ends as NotSent."""

    def __init__(self) -> None:
        self.variables: set[str] = set()  # names of shell variables that may stand in a request, as `$NAME`
        self.output: str | None = None  # where the next answer goes

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise NotSent(self._command(request))

    def _command(self, request: httpx.Request) -> str:
        form: list[tuple[str, Path, str]] = request.extensions.get("form", [])
        fields: dict[str, str] = request.extensions.get("fields", {})
        output, self.output = self.output, None
        file: str | Path | None = request.extensions.get("file")
        body = "" if form or file else request.read().decode()
        words = ["curl", *(["-N"] if request.headers["Accept"] == EVENTS else [])]
        if request.method != ("POST" if body or form or file else "GET"):
            words += ["-X", request.method]
        for name, value in request.headers.items():
            if (name not in _IMPLIED or (file and name == "content-type")) and (name, value) != ("accept", "*/*"):
                words += ["-H", f"{name.title()}: {value}"]
        quoted = [WITH_KEY if word.startswith(SHOWS_KEY) else self._quote(word) for word in words]
        if body:
            quoted += ["--json", self._quote(body, is_json=True)]
        if file:
            quoted += ["--data-binary", shlex.quote(f"@{file}")]
        for name, value in fields.items():
            quoted += ["--form-string", shlex.quote(f"{name}={value}")]
        for name, path, kind in form:
            named = str(path).replace("\\", "\\\\").replace('"', '\\"')  # as curl reads it
            quoted += ["-F", shlex.quote(f'{name}=@"{named}";type={kind}')]
        quoted.append(self._quote(str(request.url)))
        return " ".join([*quoted, *(["-o", shlex.quote(output)] if output else [])])

    def _quote(self, word: str, *, is_json: bool = False) -> str:
        """Quote for the shell, but not variables; in JSON a variable is a number."""
        quoted, mark = shlex.quote(word), '"' if is_json else ""
        for name in self.variables:
            quoted = quoted.replace(f"{mark}${name}{mark}", f"'\"${name}\"'")
        return quoted.removesuffix("''") if "$" in quoted else quoted
