"""What an upstream answers: any status, headers and body, to every way of reading one.

No fault of ours, nothing of a body outside of the result, one request.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.mutate import TEXTS, damaged, spelled, text, tree
from tests.fuzz.world import UNDER_WAY, Attempted, World, well_formed, world
from tests.support.asgi import request
from tests.support.items import GET, LIST, thing
from tests.support.whole import Call, Era

from mcpassport.records.calls import OutboundResponse

PATIENCE_S = 60
CALLS = (
    Call(GET, {"id": "1"}),
    Call(LIST, {"limit": 2}),
    Call(LIST, {"next_cursor": "two"}),
    Call(thing("report")),
    Call(thing("shape")),
    Call(thing("fails")),
    Call(thing("metered")),
    Call("list_all_lab_pages", {"limit": 2}),
    Call("list_all_lab_links"),
    Call("list_all_lab_nexts"),
    Call(thing("card"), {"number": "1"}),
    Call(thing("job"), {"text": "t"}),
    Call(thing("feed")),
)
STREAMS = (
    b'{"done":1,"said":"one"}\n{"done":2}\n{"done":3,"result":{"id":1}}\n',
    b'event: step\ndata: {"done":1}\n\n: ping\n\ndata: {"text":"x"}\n\n',
    b'data: {"text":\r\ndata: "x"}\r\n\r\nid: 7\nretry: 5\ndata: {"text":"y"}\n\n',
)
BODIES: tuple[Any, ...] = (
    {"id": "1", "text": "x"},
    {"data": [{"id": 1}, {"id": 2}], "next": "two"},
    {"data": [], "next": None},
    {"rows": [1, 2.5, 2**63, "x"]},
    {"ok": False, "why": "no such board"},
    {"limited": {"limit": 5, "until": 1772366440000}},
    {"jsonrpc": "2.0", "id": 1, "isError": True, "result": {}, "_meta": {"mcpassport/error": {}}},
    {"title": "t", "picture": "iVBORw0K", "sound": "UklGRg==", "text": "# t"},
    {"data": [1], "next": "https://api.lab.example/v1/nexts?after=two"},
    [1, 2],
    "text",
)
STATUSES = (
    200,
    200,
    200,
    200,
    201,
    204,
    206,
    301,
    304,
    400,
    401,
    403,
    404,
    429,
    500,
    503,
    599,
    999,
)
NAMES = (
    *("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit", "link"),
    *("ratelimit-policy", "ratelimit-reset", "retry-after", "content-type", "x-rate-limit-reset"),
    *("set-cookie", "www-authenticate", "location", "next-page", "x"),
)
VALUES = (
    *TEXTS,
    *(
        "100",
        "0",
        "-5",
        "1772366430",
        "1772366430500",
        "1e9",
        "9" * 400,
        "Sun, 01 Mar 2026 12:00:30 GMT",
    ),
    *('"a";r=5;t=30', '"a";q=10;w=60', "limit=1, remaining=0, reset=5", "2026-03-01T12:00:30Z"),
    *('<https://api.lab.example/v1/links?p=2>; rel="next"', "<//evil.example>; rel=next", "<"),
    *("application/json; charset=utf-16", "text/plain; charset=utf-8", "application/problem+json"),
    *("application/x-ndjson", "text/event-stream", "image/png", "audio/wav", "application/pdf"),
)
MEMBERS = {"content", "structuredContent", "resultType", "_meta", "isError"}


@asynccontextmanager
async def open_upstream(folder: Path) -> AsyncIterator[Callable[[Random], Awaitable[None]]]:
    """One deployment; each attempt is a sound call that is answered unsoundly."""
    async with world(folder) as made:

        async def attempt(rng: Random) -> None:
            await _try(made, rng)

        yield attempt


async def _try(made: World, rng: Random) -> None:
    call, era = rng.choice(CALLS), rng.choice(_ERAS)
    attempted = Attempted(response=_response(rng))
    UNDER_WAY.set(attempted)
    headers = {**call.headers(era), "content-type": "application/json"}
    async with asyncio.timeout(PATIENCE_S):
        response = await request(
            made.house.app, f"/mcp/{made.server['token']}", headers=headers, body=call.body(era)
        )
    try:
        assert response is not None
        document = well_formed(response.status, response.body)
        assert len(attempted.requests) == 1
        assert response.status in {200, 429}
        assert document["id"] == 1
        assert document.get("result", {}).keys() <= MEMBERS
        for name, value in response.headers:
            assert value.isascii()
            assert value.isprintable(), (name, value)
        assert not {"set-cookie", "location"} & {name for name, _ in response.headers}
        shown = response.body + repr(response.headers).encode()
        assert not [secret for secret in made.secrets() if secret in shown]
    except BaseException as error:
        error.add_note(f"{call!r} {era}: {_told(attempted.response)} -> {response!r}")
        raise


_ERAS: tuple[Era, ...] = ("legacy", "modern")


def _response(rng: Random) -> OutboundResponse:
    if rng.randrange(5):
        body = damaged(rng, spelled(rng, tree(rng, rng.choice(BODIES))))
    else:
        body = damaged(rng, b"".join(rng.choices(STREAMS, k=rng.randint(1, 3))))
    headers = [("content-type", "application/json")] if rng.randrange(5) else []
    for _ in range(rng.choice((0, 0, 1, 2, 4))):
        value = rng.choice(VALUES)
        headers.append((rng.choice(NAMES), text(rng, value) if rng.randrange(2) else value))
    status = rng.choice(STATUSES)
    return OutboundResponse(status=status, headers=tuple(headers), body=body[: 2**16])


def _told(response: OutboundResponse) -> str:
    return f"{response.status} {response.headers!r} {response.body!r}"
