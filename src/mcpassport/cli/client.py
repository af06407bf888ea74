"""How commands reach the management API: over HTTP, or the same app in this process.

No operation exists twice: without `--url` a command calls the ASGI management app that `app.py`
composes, as `cli:<os user>`; with `--url` it calls a running one with an API token.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlencode

import msgspec
from starlette.types import ASGIApp, Message
from yarl import URL

from mcpassport import __version__
from mcpassport.app import command_line_app
from mcpassport.errors import UpstreamError, UsageError, meaning_of
from mcpassport.http import HttpClient
from mcpassport.limits import Limits
from mcpassport.records.calls import OutboundRequest
from mcpassport.settings import Settings, load

FAILED = 400
PAGE = 200
"""The most objects that a page of JSON holds."""
LONGEST_ANSWER = 256 * 1024 * 1024


def segment(text: str) -> str:
    """A text as one segment of a path: an id somebody typed leads to no other route."""
    return quote(text, safe="")


def host_and_port(url: URL) -> str:
    """What lets the HTTP client in at that address, wherever it lies: the user named it."""
    return f"{f'[{url.host}]' if ':' in (url.host or '') else url.host}:{url.port}"


class Remote(NamedTuple):
    """Where a running deployment listens, and the API token for it."""

    url: str
    token: str


class Answer(NamedTuple):
    """What the management API said."""

    status: int
    body: bytes

    def document(self) -> Any:
        """The decoded body; None when there is none."""
        return msgspec.json.decode(self.body) if self.body else None


class ApiProblem(Exception):
    """The management API refused; `document` is its problem document."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        super().__init__(str(document.get("detail", "")))
        self.status = status
        self.document = document


class Api:
    """The management API as commands use it."""

    def __init__(self, target: ASGIApp | tuple[HttpClient, Remote]) -> None:
        self._target = target

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        idempotency_key: str | None = None,
    ) -> Any:
        """The decoded answer, or `ApiProblem`. None values in `query` are left out."""
        pairs = [
            (name, item)
            for name, value in (query or {}).items()
            if value is not None
            for item in (value if isinstance(value, list | tuple) else [value])
        ]
        target = path + ("?" + urlencode(pairs) if pairs else "")
        raw = None if body is None else msgspec.json.encode(body)
        headers = {"Content-Type": "application/json"} if raw is not None else {}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        answer = await self._send(method, target, headers, raw)
        if answer.status >= FAILED:
            raise ApiProblem(answer.status, _document(answer))
        return answer.document()

    async def text(self, path: str, *, query: Mapping[str, Any]) -> bytes:
        """The answer as it came, or `ApiProblem`."""
        answer = await self._send("GET", path + "?" + urlencode(query), {}, None)
        if answer.status >= FAILED:
            raise ApiProblem(answer.status, _document(answer))
        return answer.body

    async def pages(
        self, path: str, *, query: Mapping[str, Any] | None = None, at_most: int | None = None
    ) -> list[Any]:
        """Every object of a listing, or the first `at_most`, page by page."""
        found: list[Any] = []
        asked = {**(query or {})}
        while True:
            if at_most is not None:
                asked["limit"] = min(PAGE, at_most - len(found))
            page = await self.call("GET", path, query=asked)
            found += page["result"]
            asked["cursor"] = page["next_cursor"]
            if asked["cursor"] is None or len(found) == at_most:
                return found

    async def _send(
        self, method: str, target: str, headers: dict[str, str], body: bytes | None
    ) -> Answer:
        if not isinstance(self._target, tuple):
            return await _in_process(self._target, method, target, headers, body)
        http, remote = self._target
        request = OutboundRequest(
            method=method,
            url=remote.url.rstrip("/") + target,
            headers=tuple(headers.items()),
            secret_headers=(("Authorization", f"Bearer {remote.token}"),),
            body=body,
            max_body=LONGEST_ANSWER,
        )
        try:
            response = await http.send(request)
        except UpstreamError as error:
            cause = meaning_of(type(error)).type.removeprefix("upstream_")
            detail = f"No usable answer from {remote.url} ({cause}); is `mcpassport serve` there?"
            raise ApiProblem(0, {"type": "no_answer", "detail": detail}) from None
        return Answer(response.status, response.body)


def local_settings(config: Path | None) -> Settings:
    """The settings of the deployment on this machine; `UsageError` if there is none at all."""
    settings = load(config)
    parts = (settings.data_dir, settings.master_key_file)
    if settings.master_key is None and not any(part.exists() for part in parts):
        raise UsageError(
            f"There is no deployment here: neither {parts[0]} nor {parts[1]} exists. Make one with "
            "`mcpassport init`, name its settings with --config, or a running one with --url."
        )
    return settings


@asynccontextmanager
async def open_api(config: Path | None, remote: Remote | None) -> AsyncIterator[Api]:
    """The API over HTTP if `remote` is given, else in process on the configured data folder."""
    if remote is None:
        async with command_line_app(local_settings(config)) as app:
            yield Api(app)
        return
    try:
        url = URL(remote.url)
    except ValueError:
        url = URL()
    if url.scheme not in {"http", "https"} or not url.host or url.user or url.password:
        raise UsageError("--url is not an http(s) address such as https://mcp.example.")
    http = HttpClient(
        limits=Limits(),
        private_hosts=(host_and_port(url),),
        user_agent=f"mcpassport-cli/{__version__}",
    )
    try:
        yield Api((http, remote))
    finally:
        await http.close()


def _document(answer: Answer) -> Mapping[str, Any]:
    try:
        document = answer.document()
    except msgspec.DecodeError:
        document = None
    if isinstance(document, dict):
        return document
    return {
        "type": "unexpected_answer",
        "detail": f"HTTP {answer.status} without a problem document; is --url a deployment's root?",
    }


class _Exchange:
    """One request to an ASGI app in this process, and what came of it."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._sent = False
        self._chunks: list[bytes] = []
        self._status = 500

    async def receive(self) -> Message:
        if self._sent:
            await asyncio.Event().wait()
        self._sent = True
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        elif message["type"] == "http.response.body":
            self._chunks.append(message.get("body", b""))

    def answer(self) -> Answer:
        return Answer(self._status, b"".join(self._chunks))


async def _in_process(
    app: ASGIApp, method: str, target: str, headers: Mapping[str, str], body: bytes | None
) -> Answer:
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": None,
        "server": None,
    }
    exchange = _Exchange(body or b"")
    await app(scope, exchange.receive, exchange.send)
    return exchange.answer()
