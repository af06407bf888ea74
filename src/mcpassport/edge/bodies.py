"""What arrives: bodies, read whole under a cap, and the news that the caller has gone."""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar

from mcpassport.edge.asgi import Receive
from mcpassport.errors import RequestTooLarge

T = TypeVar("T")
DISCARDED_BYTES: Final = 32 * 2**20
DISCARDED_S: Final = 5.0


class Disconnected(Exception):
    """The caller went away before the body was complete; there is nobody to answer."""


async def read_body(
    receive: Receive, headers: Mapping[str, str], *, cap: int, timeout_s: float
) -> bytes:
    """The whole body.

    Raises:
        RequestTooLarge: more than `cap` bytes are announced, or arrive.
        TimeoutError: the body is not complete after `timeout_s` seconds.
        Disconnected: the caller went away.
    """
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > cap:
        raise RequestTooLarge(f"The body is larger than {cap} bytes.")
    chunks: list[bytes] = []
    size = 0
    async with asyncio.timeout(timeout_s):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > cap:
                raise RequestTooLarge(f"The body is larger than {cap} bytes.")
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks) if len(chunks) > 1 else chunks[0]


async def discard(receive: Receive) -> None:
    """Read on after a body was refused, so that its sender comes to read the refusal.

    A connection that is closed over unread bytes is reset, and takes the answer with it. More than
    `DISCARDED_BYTES`, or longer than `DISCARDED_S`, is not read.
    """
    left = DISCARDED_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARDED_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return


async def unless_gone(receive: Receive, answering: Coroutine[Any, Any, T]) -> T:
    """Await the answer; stop working on it when the caller closes the connection.

    Modern era only: there, closing is cancelling (spec: basic/transports). The legacy era says
    the opposite, and its work runs on.

    Raises:
        Disconnected: the caller went away first.
    """
    working = asyncio.current_task()
    assert working is not None
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        working.cancel()

    watching = asyncio.create_task(watch())
    try:
        return await answering
    except asyncio.CancelledError:
        if gone and not working.uncancel():
            raise Disconnected from None
        raise
    finally:
        watching.cancel()
