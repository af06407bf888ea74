"""An ASGI caller: one request in, the whole response out."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

Endpoint = Callable[[Any, Any, Any], Awaitable[None]]


class Response(NamedTuple):
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of that header, or None."""
        return dict(self.headers).get(name)

    def json(self) -> Any:
        """The body decoded."""
        return msgspec.json.decode(self.body)


class Connection:
    """One connection: gives the body in chunks, then hangs up when told to."""

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self.chunks = list(chunks)
        self.hung_up = asyncio.Event()
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        if self.chunks:
            chunk = self.chunks.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(self.chunks)}
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def response(self) -> Response | None:
        """What was answered, or None when nothing was."""
        if not self.sent:
            return None
        start = self.sent[0]
        return Response(
            start["status"],
            tuple((name.decode(), value.decode()) for name, value in start["headers"]),
            b"".join(message.get("body", b"") for message in self.sent[1:]),
        )


async def request(
    endpoint: Endpoint,
    path: str,
    *,
    method: str = "POST",
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    body: bytes | Connection = b"",
    client: str = "192.0.2.7",
    query: str = "",
) -> Response | None:
    """Send one request; None when the endpoint answered nothing."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in pairs],
        "client": (client, 5000),
    }
    connection = body if isinstance(body, Connection) else Connection([body])
    await endpoint(scope, connection.receive, connection.send)
    return connection.response()
