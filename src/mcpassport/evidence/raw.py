"""Requests byte by byte, with headers that no careful client sends: a foreign `Host`, one twice."""

import asyncio
from typing import Final

from mcpassport.evidence.finding import CheckFailed
from mcpassport.records.calls import OutboundResponse

ANSWER_S: Final = 30
LOOPBACK: Final = "127.0.0.1"
Headers = tuple[tuple[str, str], ...]


async def ask(
    port: int, method: str, path: str, headers: Headers = (), body: bytes = b""
) -> OutboundResponse:
    """One request on a connection of its own; what each request has is sent unless given."""
    own = {name.lower() for name, _ in headers}
    length = ("Content-Length", str(len(body)))
    usual = [
        each
        for each in (("Host", f"{LOOPBACK}:{port}"), ("Connection", "close"), length)
        if each[0].lower() not in own
    ]
    lines = [f"{method} {path} HTTP/1.1", *(f"{n}: {v}" for n, v in (*usual, *headers))]
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        async with asyncio.timeout(ANSWER_S):
            return _read(await reader.read())
    except (OSError, TimeoutError) as error:
        raise CheckFailed(f"{method} was not answered ({type(error).__name__})") from None
    finally:
        writer.close()


def _read(answer: bytes) -> OutboundResponse:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) < 2 or not parts[1].isdecimal():  # noqa: PLR2004  # version and status
        raise CheckFailed("the answer was no HTTP")
    headers = (line.partition(":")[::2] for line in rest)
    return OutboundResponse(
        status=int(parts[1]),
        headers=tuple((name.strip().lower(), value.strip()) for name, value in headers),
        body=body,
    )
