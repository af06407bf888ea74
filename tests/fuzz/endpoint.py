"""`POST /mcp/…`: any bytes under any headers at any address.

No 500, no hang, no upstream request that a valid call did not ask for, and always JSON-RPC, an
envelope, or the identical 404.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.mutate import TEXTS, Raw, damaged, spelled, text, tree
from tests.fuzz.world import (
    ORIGIN,
    UNDER_WAY,
    Attempted,
    World,
    loaded,
    well_formed,
    whole,
    world,
)
from tests.support.asgi import Connection, request
from tests.support.calling import MODERN, modern_headers
from tests.support.items import CREATE, DELETE, GET, LIST, PART, thing

from mcpassport.edge.refusals import NOT_FOUND

PATIENCE_S = 60
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "fuzz", "version": "1"},
}
TOOLS = {GET, LIST, CREATE, DELETE, PART, *map(thing, ("find", "note", "search", "region", "open"))}
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    (GET, {"id": "1"}),
    (LIST, {"limit": 5}),
    (LIST, {"limit": 5, "next_cursor": "c", "kind": "plain"}),
    (CREATE, {"text": "t", "number": 9007199254740993, "tree": {"a": [1]}}),
    (DELETE, {"id": "1"}),
    (PART, {"folder": "a", "id": "b"}),
    (thing("search"), {"text": "t", "number": 5}),
    (thing("note"), {"X-Note": "n"}),
    (thing("region"), {"region": "eu"}),
    ("list_all_lab_pages", {"limit": 2, "next_cursor": "c"}),
    ("no_such_tool", {}),
)
OTHERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {}}),
    ("ping", {}),
    ("tools/list", {}),
    ("tools/list", {"cursor": ""}),
    ("server/discover", {}),
    ("notifications/initialized", {}),
    ("notifications/cancelled", {"requestId": 1}),
    ("resources/list", {}),
)
REVISIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
IDS: tuple[Any, ...] = (1, 0, -1, "a", "", 2**70, 1.5, None, True, [], Raw("1e1"))


@asynccontextmanager
async def open_endpoint(folder: Path) -> AsyncIterator[Callable[[Random], Awaitable[None]]]:
    """One deployment; each attempt is one request to it."""
    async with world(folder) as made:

        async def attempt(rng: Random) -> None:
            await _try(made, rng)

        yield attempt


async def _try(made: World, rng: Random) -> None:
    body, headers = _message(rng)
    path, more = _address(made, rng)
    body = damaged(rng, body)
    pairs = _headers(rng, headers | more)
    alive = _opens(made, path, pairs)
    method = rng.choice(("GET", "DELETE", "PUT", "HEAD")) if rng.randrange(40) == 0 else "POST"
    attempted = Attempted()
    UNDER_WAY.set(attempted)
    async with asyncio.timeout(PATIENCE_S):
        response = await request(
            made.house.app, path, method=method, headers=pairs, body=_connection(rng, body)
        )
    try:
        assert response is not None
        document = well_formed(response.status, response.body)
        _allowed(attempted, body, alive and method == "POST")
        shown = response.body + repr(response.headers).encode()
        assert not [secret for secret in made.secrets() if secret in shown]
        assert response.header("mcp-session-id") is None
        if not alive and response.status == NOT_FOUND.status:
            assert response.body == NOT_FOUND.body
        _echoed(body, document)
    except BaseException as error:
        error.add_note(f"{method} {path!r} {pairs!r} {body!r} -> {response!r}")
        raise


def _message(rng: Random) -> tuple[bytes, dict[str, str]]:
    """One JSON-RPC message of either era, mutated, with the headers of the sound one."""
    if rng.randrange(3):
        name, arguments = rng.choice(CALLS)
        method, params = "tools/call", {"name": name, "arguments": arguments}
    else:
        method, params = rng.choice(OTHERS)
        name = ""
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params}
    if not method.startswith("notifications/"):
        message["id"] = rng.choice(IDS) if rng.randrange(10) == 0 else rng.randrange(100)
    if rng.randrange(2):
        message["params"] = params | {"_meta": META}
        headers = modern_headers(method, name or None)
    else:
        headers = {"accept": "application/json, text/event-stream"}
        if rng.randrange(3):
            headers["mcp-protocol-version"] = rng.choice(REVISIONS)
        if rng.randrange(12) == 0:
            batch = [message] * rng.choice((1, 2, 50, 51))
            return spelled(rng, tree(rng, batch)), headers
    return spelled(rng, tree(rng, message)), headers | {"content-type": "application/json"}


def _address(made: World, rng: Random) -> tuple[str, dict[str, str]]:
    """Path and headers: three times in four those that open the live server."""
    token, kind = made.server["token"], rng.randrange(20)
    if kind < 10:
        return f"/mcp/{token}", {}
    if kind < 15:
        return f"/mcp/s/{made.server['id']}", {"authorization": f"Bearer {token}"}
    if kind == 15:
        return f"/mcp/{made.dead['token']}", {}
    if kind == 16:
        return f"/mcp/{text(rng, token)}", {}
    if kind == 17:
        wrong = _wire(text(rng, token))
        return f"/mcp/s/{made.server['id']}", {"authorization": f"Bearer {wrong}"}
    if kind == 18:
        return f"/mcp/{rng.choice(TEXTS)}", {}
    return f"/mcp/s/{rng.choice(TEXTS)}", {"authorization": f"Bearer {token}"}


def _opens(made: World, path: str, pairs: list[tuple[str, str]]) -> bool:
    """Whether address and headers, as they were sent, are those of the live server."""
    token = made.server["token"]
    if path != f"/mcp/s/{made.server['id']}":
        return bool(path == f"/mcp/{token}")
    shown = ", ".join(value.strip() for name, value in pairs if name == "authorization")
    scheme, _, rest = shown.partition(" ")
    return scheme.lower() == "bearer" and bool(rest.strip() == token)


VALUES = (
    *TEXTS,
    "gzip",
    "identity",
    "0",
    "-1",
    "9" * 20,
    "*/*",
    "text/*;q=0",
    "a, b",
)
NAMES = (
    *("mcp-protocol-version", "mcp-method", "mcp-name", "accept", "content-type", "content-length"),
    *("content-encoding", "authorization", "x-api-token", "origin", "host", "x-forwarded-for"),
    *("mcp-session-id", "last-event-id", "traceparent", "mcp-param-region", "transfer-encoding"),
)


def _headers(rng: Random, headers: dict[str, str]) -> list[tuple[str, str]]:
    pairs = list(headers.items())
    for _ in range(rng.choice((0, 0, 0, 1, 2))):
        kind = rng.randrange(4)
        at = rng.randrange(len(pairs)) if pairs else 0
        if kind == 0 and pairs:
            del pairs[at]
        elif kind == 1 and pairs:
            pairs[at] = (pairs[at][0], _wire(text(rng, pairs[at][1])))
        elif kind == 2 and pairs:
            pairs.append(pairs[at])
        else:
            pairs.append((rng.choice(NAMES), _wire(rng.choice(VALUES))))
    return pairs


def _wire(value: str) -> str:
    """What a server lets through of a header's value: no line ends, no null."""
    kept = value.encode("utf-8", "replace").decode("latin-1")
    return "".join(character for character in kept if character not in "\r\n\0")


def _connection(rng: Random, body: bytes) -> Connection:
    if len(body) < 2 or rng.randrange(10):
        return Connection([body])
    at = rng.randrange(1, len(body))
    return Connection([body[:at], body[at:]])


def _allowed(attempted: Attempted, body: bytes, alive: bool) -> None:
    """Every upstream request was asked for by a call that could be one, and goes where it may."""
    assert len(attempted.requests) <= (_calls(body) if alive else 0), attempted.requests
    for sent in attempted.requests:
        assert sent.url.startswith(f"{ORIGIN}/v1/"), sent.url
        assert sent.url.isascii()
        assert "/../" not in sent.url
        for name, value in sent.headers + sent.secret_headers:
            assert not {"\r", "\n", "\0"} & set(name + value)


def _calls(body: bytes) -> int:
    """How many calls of a tool that exists, with arguments that could be right, a body holds."""
    try:
        document = loaded(body, whole)
    except (ValueError, RecursionError):
        return 0
    messages = document if isinstance(document, list) else [document]
    return sum(_is_call(message) for message in messages)


def _is_call(message: Any) -> bool:
    params = message.get("params") if isinstance(message, dict) else None
    if not isinstance(params, dict) or message.get("method") != "tools/call":
        return False
    name, given = params.get("name"), params.get("arguments")
    if "id" not in message or not isinstance(given, dict | None) or not isinstance(name, str):
        return False
    arguments: dict[str, Any] = given or {}
    if name in {GET, DELETE}:
        return set(arguments) == {"id"} and isinstance(arguments["id"], str)
    if name == CREATE:
        return isinstance(arguments.get("text"), str)
    if name == PART:
        return set(arguments) == {"folder", "id"}
    more = ("list_all_lab", "lab_thing")
    return name in TOOLS or name.startswith(more)


def _echoed(body: bytes, document: Any) -> None:
    """The id of an answer is the one that was asked with."""
    if not isinstance(document, dict) or "id" not in document:
        return
    asked = json.loads(body, parse_int=whole)
    assert isinstance(asked, dict)
    assert document["id"] == asked["id"]
    assert isinstance(document["id"], bool) == isinstance(asked["id"], bool)
