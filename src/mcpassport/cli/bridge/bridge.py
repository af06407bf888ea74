"""The bridge: each line becomes one POST, each answer one line; requests run beside each other."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, Protocol

import structlog
from msgspec import Struct

from mcpassport.cli.bridge.answers import Events, failures_of, messages_of, refusal_of
from mcpassport.cli.bridge.lines import LONGEST, TooLong
from mcpassport.cli.bridge.messages import (
    Id,
    Peeked,
    headers_for,
    mirrors_in,
    peek,
)
from mcpassport.errors import McpassportError
from mcpassport.limits import LIMITS
from mcpassport.records.calls import Follower, OutboundRequest, OutboundResponse

_log = structlog.get_logger(__name__)

AT_ONCE: Final = 64
"""Requests under way; more wait for a turn."""
TIMEOUT_S: Final = LIMITS["call_timeout_s"].ceiling
LONGEST_ANSWER: Final = LIMITS["upstream_body_bytes"].ceiling
PAGES_AT_MOST: Final = 100
ACCEPTED: Final = 202
REFUSED: Final = 400
HEADER_MISMATCH: Final = -32020
_MODERN: Final = "modern"
_OLDER: Final = "older"
TOO_LONG: Final = (
    b'{"jsonrpc":"2.0","error":{"code":-32600,"message":"A message is longer than %d bytes."}}'
)

Write = Callable[[bytes], Awaitable[None]]


class Sender(Protocol):
    """The part of the HTTP client that a bridge needs."""

    async def follow(self, request: OutboundRequest, follower: Follower, /) -> OutboundResponse:
        """The response, whatever its status; what the follower takes comes as it arrives.

        A `McpassportError` if there is none.
        """
        ...


class Server(Struct, frozen=True):
    """The MCP server to reach; headers that prove who is asking are secret, as its URL may be."""

    url: str
    secret_headers: tuple[tuple[str, str], ...] = ()


class Bridge:
    """Carries the messages of one client. `run` ends when the client has no more to say."""

    def __init__(self, server: Server, http: Sender, write: Write) -> None:
        self._server = server
        self._http = http
        self._write = write
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._under_way: dict[tuple[type, Id], asyncio.Task[None]] = {}
        self._given_up: set[tuple[type, Id]] = set()
        self._negotiated: str | None = None
        self._mirrors: dict[str, Mapping[str, tuple[str, ...]]] = {}

    async def run(self, lines: AsyncIterator[bytes]) -> None:
        """Carry every line; returns when the last answer is written.

        `OSError` if the client no longer takes answers; what is under way is then dropped.
        """
        try:
            async with asyncio.TaskGroup() as group:
                async for line in lines:
                    if isinstance(line, TooLong):
                        await self._write(TOO_LONG % LONGEST)
                        continue
                    self._take(group, line, peek(line))
        except* OSError as gone:
            raise OSError("standard output is closed") from gone

    def _take(self, group: asyncio.TaskGroup, line: bytes, message: Peeked) -> None:
        """Start to carry a message; a cancellation stops what it names."""
        cancelled = message.cancels
        if cancelled is not None and self._cancel((type(cancelled), cancelled)):
            return
        kind = _MODERN if message.modern else _OLDER
        task = group.create_task(self._carry(line, message), name=kind)
        for each in message.ids:
            key = (type(each), each)
            self._under_way[key] = task
            task.add_done_callback(partial(self._done, key))

    def _cancel(self, key: tuple[type, Id]) -> bool:
        """Whether the cancellation ends here.

        Modern: closing the connection is the cancellation over HTTP, and nothing is sent for it.
        Older: the server is told, the connection stays, and the answer is dropped.
        """
        task = self._under_way.get(key)
        if task is None:
            return False
        if task.get_name() == _MODERN:
            task.cancel()
            return True
        self._given_up.add(key)
        return False

    def _done(self, key: tuple[type, Id], task: asyncio.Task[None]) -> None:
        if self._under_way.get(key) is task:
            del self._under_way[key]
            self._given_up.discard(key)

    async def _carry(self, line: bytes, message: Peeked) -> None:
        keys = {(type(each), each) for each in message.ids}
        events = Events(partial(self._tell, keys))
        async with self._turns:
            try:
                response = await self._post(line, message, events)
            except McpassportError as error:
                answers = list(failures_of(error, message))
                _log.warning("no_answer", kind=type(error).__name__, method=_shown(message))
            else:
                answers = [] if events.answers else list(messages_of(response, message))
                self._learn(message, events.answers or answers)
                _warn(response, message)
        for answer in answers:
            await self._tell(keys, answer)

    async def _tell(self, keys: set[tuple[type, Id]], message: bytes) -> None:
        """Write a message, unless the client has given up what it is about."""
        if not keys & self._given_up:
            await self._write(message)

    async def _post(self, line: bytes, message: Peeked, events: Events) -> OutboundResponse:
        """One POST. A refusal for headers that we did not know of is mended once.

        Such a refusal comes before anything is sent on by the server, so nothing happens twice.
        """
        response = await self._send(line, message, events)
        if message.modern and message.method == "tools/call" and _is_mismatch(response):
            await self._list(message)
            return await self._send(line, message, events)
        return response

    async def _send(self, line: bytes, message: Peeked, events: Events) -> OutboundResponse:
        mirrors = self._mirrors.get(str(message.params.get("name")), {})
        starting = message.method == "initialize"
        request = OutboundRequest(
            method="POST",
            url=self._server.url,
            headers=headers_for(message, None if starting else self._negotiated, mirrors),
            secret_headers=self._server.secret_headers,
            body=line,
            timeout_s=TIMEOUT_S,
            max_body=LONGEST_ANSWER,
        )
        return await self._http.follow(request, events)

    async def _list(self, message: Peeked) -> None:
        """Learn which arguments are repeated in headers, from the tools themselves."""
        cursor: str | None = None
        for _ in range(PAGES_AT_MOST):
            params = {"_meta": message.params["_meta"]} | ({"cursor": cursor} if cursor else {})
            asked = {"jsonrpc": "2.0", "id": "bridge", "method": "tools/list", "params": params}
            line = json.dumps(asked).encode()
            listed = Events(_nobody)
            response = await self._send(line, peek(line), listed)
            page = _result(listed.answers or list(messages_of(response, peek(line))))
            self._mirrors.update(mirrors_in(page.get("tools")))
            cursor = page.get("nextCursor")
            if not isinstance(cursor, str):
                return

    def _learn(self, message: Peeked, answers: list[bytes]) -> None:
        """The revision that was agreed on, and the mirrored arguments of listed tools."""
        if message.method == "initialize":
            agreed = _result(answers).get("protocolVersion")
            self._negotiated = agreed if isinstance(agreed, str) else None
        elif message.method == "tools/list" and message.modern:
            self._mirrors.update(mirrors_in(_result(answers).get("tools")))


async def _nobody(_message: bytes) -> None:
    """What the bridge asks for itself is not the client's."""


def _result(answers: list[bytes]) -> dict[str, Any]:
    """The result among the messages of an answer, or nothing."""
    for answer in answers:
        document = json.loads(answer)
        if isinstance(document, dict) and isinstance(document.get("result"), dict):
            found: dict[str, Any] = document["result"]
            return found
    return {}


def _is_mismatch(response: OutboundResponse) -> bool:
    if response.status != REFUSED:
        return False
    try:
        document = json.loads(response.body)
    except ValueError:
        return False
    error = document.get("error") if isinstance(document, dict) else None
    return isinstance(error, dict) and error.get("code") == HEADER_MISMATCH


def _warn(response: OutboundResponse, message: Peeked) -> None:
    """Say on standard error what a client does not show: a refusal by the server, by its type."""
    if response.status >= REFUSED:
        kind = refusal_of(response)["type"]
        _log.warning("refused", http=response.status, type=kind, method=_shown(message))


def _shown(message: Peeked) -> str:
    return "".join(filter(str.isprintable, message.method))[:64]
