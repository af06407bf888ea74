"""HTTP/1.1 as bytes (RFC 9112), without a library's help or its manners."""

import asyncio
from http import HTTPStatus
from typing import Final

from msgspec import Struct

MAX_BODY_BYTES: Final = 64 * 2**20
"""Request bodies are recorded up to this size; a larger one ends the connection."""

_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}


class Malformed(ValueError):
    """What came in is no HTTP/1.1 request."""


class Received(Struct, frozen=True, kw_only=True):
    """One request as it stood on the wire; text is Latin-1, so that every byte is kept."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of that header (any case), or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


class Rendered(Struct, frozen=True):
    """An answer as bytes: the head ends with its empty line."""

    head: bytes
    body: bytes


async def read_request(reader: asyncio.StreamReader) -> Received:
    """The next request; `IncompleteReadError` when the client has hung up, or `Malformed`."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise Malformed("the headers are too long") from None
    start, *lines = head[:-4].decode("latin-1").split("\r\n")
    parts = start.split(" ")
    if len(parts) != 3:  # noqa: PLR2004 - method, target, version
        raise Malformed("the request line has not three parts")
    headers = tuple(_header(line) for line in lines)
    request = Received(method=parts[0], target=parts[1], headers=headers, body=b"")
    body = await _read_body(reader, request)
    return Received(method=parts[0], target=parts[1], headers=headers, body=body)


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise Malformed("a header has no colon")
    return name, value.strip(" \t")


async def _read_body(reader: asyncio.StreamReader, request: Received) -> bytes:
    if (request.header("Transfer-Encoding") or "").lower() == "chunked":
        return await _read_chunks(reader)
    return await reader.readexactly(_size(request.header("Content-Length") or "0", 10, 0))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := _size((await reader.readuntil(b"\r\n"))[:-2].decode("latin-1"), 16, len(body)):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        continue  # trailers
    return body


def _size(text: str, base: int, already: int) -> int:
    try:
        size = int(text.partition(";")[0], base)
    except ValueError:
        raise Malformed("a length is no number") from None
    if not 0 <= size <= MAX_BODY_BYTES - already:
        raise Malformed("the body is too large")
    return size


def render(status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> Rendered:
    """A response; `Content-Length` is added unless the headers frame the body themselves."""
    lines = [
        f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    if not {name.lower() for name, _ in headers} & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    return Rendered("\r\n".join([*lines, "", ""]).encode("latin-1"), body)


def reframed(head: bytes, length: int) -> bytes:
    """The head with that `Content-Length` in place of its own."""
    lines = [
        line for line in head.split(b"\r\n")[:-2] if not line.lower().startswith(b"content-length:")
    ]
    return b"\r\n".join([*lines, b"Content-Length: %d" % length, b"", b""])
