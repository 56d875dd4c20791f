"""HTTP to one service: its address, what is tried again, what becomes which error. Knows no route.

Tried again, a bounded number of times: requests that change nothing, and those that carry an Idempotency-Key, when the
connection fails or the answer is 429 or 503 with Retry-After. All others may have been done, and are not repeated.
"""

import contextlib
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

from ganymede.client import environment
from ganymede.client.address import read_address
from ganymede.client.transports import Http, StreamedAnswer
from ganymede.errors import ApiError, ClientError, Misconfigured, NotUnderstood, Timeout, Unreachable
from ganymede.schemas import VERSION
from ganymede.schemas.bodies import Page
from ganymede.schemas.problems import Problem, ProblemCode

SAFE_METHODS = frozenset({"GET", "HEAD"})
FIRST_PAUSE_S = 0.2  # before a second try; it doubles with each
LONGEST_RETRY_AFTER_S = 30.0  # a service that asks for more is not waited for

T = TypeVar("T")
Body = TypeVar("Body", bound=BaseModel)
Params = Mapping[str, str | int | Sequence[str] | None]  # of a query; None: left out


class ServiceConnection:
    """One service at one address, over the Http that `http` makes. Not for use by several threads at once."""

    def __init__(
        self,
        url: str,
        http: Callable[..., Http],
        *,
        timeout: float | None,
        key: str | SecretStr | None,
        transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None,
        retries: int,
    ) -> None:
        address = read_address(url)
        self.url = address.url
        self.retries, self._timeout_s = retries, timeout
        self._proxy: str | None = None  # the variable that names it
        self.last_answer: httpx.Response | None = None
        headers = {"User-Agent": f"ganymede/{VERSION}"}
        if bearer := _bearer(key, has_user=address.auth is not None):
            headers["Authorization"] = bearer
        is_here = address.is_loopback  # no proxy is asked for this machine
        try:
            self._http = http(
                base_url=self.url,
                auth=address.auth,
                timeout=timeout,
                headers=headers,
                transport=transport,
                trust_env=not is_here,
                verify=httpx.create_ssl_context() if is_here and self.url.startswith("https:") else not is_here,
            )
        except (ImportError, OSError, ValueError, httpx.InvalidURL):  # all that the environment can do to it
            if fault := environment.fault():
                raise Misconfigured(fault) from None
            raise
        if not is_here and transport is None:
            self._proxy = environment.proxy_of(httpx.URL(self.url))

    async def close(self) -> None:
        await self._http.close()

    async def send(
        self, method: str, path: str, *, key: str | None = None, also: frozenset[int] = frozenset(), **asked: Any
    ) -> httpx.Response:
        """Send one request, with safe retries; `asked` as httpx takes it.

        A status in `also` is an answer, too, and no error.

        Raises:
            ApiError: the service refused.
            Unreachable, Timeout: there is no answer.
            Misconfigured: nobody could be asked.
        """
        if key is not None:
            asked["headers"] = {**asked.get("headers", {}), "Idempotency-Key": key}
        for name, value in asked.get("headers", {}).items():
            _sendable(name, value)
        tries = 1 + (self.retries if method in SAFE_METHODS or key is not None else 0)
        for i in range(tries):
            try:
                with self._errors_translated():
                    answer = await self._http.request(method, path, **asked)
                if answer.status_code not in also:
                    self._check(answer)
            except ClientError as error:
                pause_s = _pause_after(error, i)
                if pause_s is None or i == tries - 1:
                    raise
            else:
                self.last_answer = answer
                return answer
            await self.pause(pause_s)
        raise AssertionError("the last try returns or raises")

    async def pause(self, seconds: float) -> None:
        await self._http.sleep(seconds)

    async def ask(self, kind: type[Body], method: str, path: str, **asked: Any) -> Body:
        """Send one request, and read the answer as a `kind`."""
        return self.read(kind, await self.send(method, path, **asked))

    async def content(self, path: str, **asked: Any) -> bytes:
        """Get what is no JSON."""
        return (await self.send("GET", path, **asked)).content

    async def get(self, kind: type[Body], path: str, params: Params | None = None) -> Body:
        return await self.ask(kind, "GET", path, params=given(**(params or {})))

    async def pages(
        self, kind: type[Page[T]], path: str, params: Params | None = None
    ) -> AsyncGenerator[Page[T], None]:
        """Yield every page of a list, each fetched on demand."""
        asked = dict(params or {})
        while True:
            page = await self.get(kind, path, asked)
            yield page
            if page.next_cursor is None:
                return
            asked["cursor"] = page.next_cursor

    def read(self, kind: type[Body], answer: httpx.Response) -> Body:
        try:
            return kind.model_validate_json(answer.content)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise NotUnderstood(
                f"{self.url}{answer.request.url.path} answers with what is no {kind.__name__}"
                f" ({where}{': ' if where else ''}{first['msg']}); is that a Ganymede service?"
            ) from None

    @contextlib.asynccontextmanager
    async def stream(self, path: str, *, timeout: float | None = None, **asked: Any) -> AsyncIterator[StreamedAnswer]:
        """Send one GET whose body is read as it comes; never retried."""
        limits = httpx.Timeout(self._timeout_s, read=timeout)
        with self._errors_translated():
            async with self._http.stream(path, timeout=limits, **asked) as answer:
                self._check(answer.head)
                yield answer

    @contextlib.contextmanager
    def _errors_translated(self) -> Iterator[None]:
        try:
            yield
        except httpx.TimeoutException:
            raise Timeout(f"{self.url} does not answer in time{self._by_way()}") from None
        except httpx.TransportError as error:
            if untrusted := _untrusted(error):
                raise Misconfigured(
                    f"the certificate of {self.url} is not trusted ({untrusted}); {environment.trusted()}"
                ) from None
            why = str(error) or type(error).__name__
            raise Unreachable(f"nothing answers at {self.url}{self._by_way()} ({why})") from None
        except httpx.RequestError as error:
            raise NotUnderstood(f"the answer of {self.url} cannot be read ({error})") from None
        except httpx.InvalidURL as error:
            raise ClientError(f"{self.url} cannot be asked that: {error}") from None
        except UnicodeError as error:
            if getattr(error, "encoding", "idna") != "idna":  # of what was asked
                raise
            raise Misconfigured(f"{self._proxy or self.url} names a host that cannot be looked up") from None

    def _by_way(self) -> str:
        return f" through the proxy of {self._proxy}" if self._proxy else ""

    def _check(self, answer: httpx.Response) -> None:
        if not answer.is_success:
            raise ApiError(_problem(answer), _retry_after(answer))


async def flat(pages: AsyncGenerator[Page[T], None], limit: int | None = None) -> AsyncGenerator[T, None]:
    """Yield what is on the pages, up to `limit` of it."""
    if limit == 0:
        return
    count = 0
    async for page in pages:
        for item in page.data:
            yield item
            count += 1
            if count == limit:
                return


def given(**asked: T) -> dict[str, T]:
    """Drop what has no value: the service has the defaults."""
    return {name: value for name, value in asked.items() if value is not None}


def _sendable(name: str, text: str) -> str:
    """Check a header's value. A refusal does not show it, because it may be secret."""
    if not (text.isascii() and text.isprintable() and text == text.strip()):
        raise ValueError(f"{name}: only printable ASCII can be sent, without white space around it")
    return text


def _bearer(key: str | SecretStr | None, *, has_user: bool) -> str | None:
    """The header that shows a key, or that of the environment; none where there is no key."""
    text = key.get_secret_value() if isinstance(key, SecretStr) else key
    name = "key" if text is not None else environment.KEY
    text = environment.key() if text is None else text
    try:
        if text and has_user:
            raise ValueError(f"{name}: an address with a user leaves no room for it, both are sent as Authorization")
        return f"Bearer {_sendable(name, text)}" if text else None
    except ValueError as error:
        if name == environment.KEY:
            raise Misconfigured(str(error)) from None
        raise


def _untrusted(error: BaseException | None) -> str | None:
    """Return what is wrong with a certificate, if that caused an error."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return None


def part(text: object) -> str:
    """Quote one part of a path."""
    return quote(str(text), safe="@:$")


def _problem(answer: httpx.Response) -> Problem:
    """Return the problem document, or make one of an answer that is none (a proxy's, say)."""
    with contextlib.suppress(ValidationError):
        return Problem.model_validate_json(answer.content)
    location = answer.headers.get("Location")
    return Problem(
        type="about:blank",
        title=answer.reason_phrase or "HTTP error",
        status=answer.status_code,
        code=f"http_{answer.status_code}",
        detail=f"it sends to {location}" if location else " ".join(answer.text.split())[:200] or "the answer is empty",
        instance=answer.request.url.path,
        request_id=answer.headers.get("Request-Id", ""),
    )


def _pause_after(error: ClientError, tried: int) -> float | None:
    """Return seconds until a retry is worth it; None: it is not."""
    pause_s: float = FIRST_PAUSE_S * 2**tried
    if isinstance(error, ApiError):
        if tried and error.code == ProblemCode.IDEMPOTENCY_KEY_IN_FLIGHT:  # the try that broke goes on there
            return pause_s
        after_s = error.retry_after_s
        return after_s if after_s is not None and after_s <= LONGEST_RETRY_AFTER_S else None
    # what took too long would take as long again
    return pause_s if isinstance(error, Unreachable) and not isinstance(error, Timeout) else None


def _retry_after(answer: httpx.Response) -> float | None:
    seconds = answer.headers.get("Retry-After", "")
    if answer.status_code in (429, 503) and seconds.isascii() and seconds.isdecimal():
        return float(seconds)
    return None
