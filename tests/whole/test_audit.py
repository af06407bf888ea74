"""The audit over the whole app: every request has its rows, and no row holds what it carried."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest
from tests.support.asgi import request
from tests.support.calling import legacy, legacy_headers, modern, modern_headers
from tests.support.items import CREATE, GET, LIST
from tests.support.lab import Lab, rule
from tests.support.postgres import postgres_url
from tests.support.scan import found_in
from tests.support.whole import Call, World, world

ARGUMENT = "planted-argument-5512af"
RESULT = "planted-result-77c0de"
CANARIES = (ARGUMENT, RESULT)
JSON = ["Content-Type", "application/json"]


Store: TypeAlias = dict[str, str]
"""The settings of a kind of store."""


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Files in the data folder, or a database."""
    return {} if request.param == "sqlite" else {"store_url": postgres_url(tmp_path)}


class Kind(NamedTuple):
    """One kind of request, and the rows that it must leave."""

    body: bytes
    headers: dict[str, str]
    rows: tuple[str, ...]
    door: str = "path"


def _call(*rows: str, tool: str = CREATE, **arguments: Any) -> Kind:
    call = Call(tool, arguments)
    return Kind(call.body("legacy"), call.headers("legacy"), rows)


OK_ROWS = ("intent", "outcome ok")
KINDS: dict[str, Kind] = {
    "a call that succeeds": _call(*OK_ROWS, text=ARGUMENT),
    "a modern call that succeeds": Kind(
        Call(CREATE, {"text": ARGUMENT}).body("modern"),
        Call(CREATE).headers("modern"),
        OK_ROWS,
        "header",
    ),
    "a call that fails upstream": _call("intent", "outcome upstream_failed", tool=LIST),
    "a call that cannot be built": _call(
        "intent", "outcome invalid_arguments", tool=GET, id=f"../{ARGUMENT}"
    ),
    "a call with wrong arguments": _call("refusal invalid_arguments", text=1, other=ARGUMENT),
    "a call of no tool": _call("refusal unknown_tool", tool="no_such_tool", x=ARGUMENT),
    "a list of tools": Kind(legacy("tools/list"), legacy_headers(), OK_ROWS),
    "a handshake": Kind(legacy("initialize", {"x": ARGUMENT}), legacy_headers(), OK_ROWS),
    "a discovery": Kind(modern("server/discover"), modern_headers("server/discover"), OK_ROWS),
    "a ping": Kind(legacy("ping"), legacy_headers(), OK_ROWS),
    "a notification": Kind(
        b'{"jsonrpc":"2.0","method":"notifications/initialized"}',
        legacy_headers(),
        ("intent", "outcome accepted"),
    ),
    "an unknown method": Kind(
        legacy("resources/read", {"uri": ARGUMENT}),
        legacy_headers(),
        ("refusal method_not_found",),
    ),
    "a broken body": Kind(
        f'{{"x":"{ARGUMENT}"'.encode(), legacy_headers(), ("refusal parse_error",)
    ),
    "no message": Kind(f'["{ARGUMENT}"]'.encode(), {}, ("refusal invalid_request",)),
    "another media type": Kind(
        ARGUMENT.encode(), {"content-type": "text/plain"}, ("refusal unsupported_media_type",)
    ),
}


async def send(app: World, kind: Kind) -> None:
    """One request of that kind."""
    path, own = app.address("header" if kind.door == "header" else "path")
    headers = {"content-type": "application/json"} | kind.headers | own
    assert await request(app.house.app, path, headers=headers, body=kind.body) is not None


def answers(app: World) -> None:
    """What the lab says: a canary, or a failure for lists."""
    app.lab.answers(
        rule("/v1/items", RESULT, method="GET", status=500, headers=[JSON]),
        rule("/*", f'{{"secret":"{RESULT}"}}', headers=[JSON]),
    )


async def test_every_request_has_its_rows(tmp_path: Path, lab: Lab, store: Store) -> None:
    """Many requests of every kind at once: as many rows of each phase and reason as there must be.

    The chain verifies, N intents have N outcomes under the same request id, and neither a row nor
    a byte of the data folder holds an argument, a result, a token or a credential.
    """
    times = 6
    async with world(tmp_path, lab, **store) as app:
        answers(app)
        await app.audit("acme")
        kinds = list(KINDS.values()) * times
        await asyncio.gather(*(send(app, kind) for kind in kinds))
        rows = await app.audit("acme")  # verifies the chain
        found = Counter(f"{row.phase} {row.outcome or row.reason}".strip() for row in rows)
        assert found == Counter(text for kind in kinds for text in kind.rows)
        by_request = Counter(row.request_id for row in rows)
        assert len(by_request) == len(kinds)
        intents = {row.request_id for row in rows if row.phase == "intent"}
        assert intents == {row.request_id for row in rows if row.phase == "outcome"}
        secrets = {*CANARIES, *app.secrets()}
        for row in rows:
            assert not found_in(repr(row).encode(), secrets)
        files = app.house.files()
    assert not found_in(files, secrets)


async def test_every_row_says_who_what_and_when(tmp_path: Path, lab: Lab, store: Store) -> None:
    """A call's rows name tenant, account, server, version, tool, digests, client and sizes."""
    async with world(tmp_path, lab, **store) as app:
        answers(app)
        await app.audit("acme")
        await send(app, KINDS["a modern call that succeeds"])
        intent, outcome = await app.audit("acme")
        listed = (await app.house.tools(app.servers["acme"]))[0]
        for row in (intent, outcome):
            assert (row.tenant, row.account) == ("acme", app.accounts["acme"])
            assert (row.server, row.integration) == (app.servers["acme"]["id"], "lab@1")
            assert (row.rpc_method, row.tool) == ("tools/call", CREATE)
            assert (row.resource, row.method) == ("items", "create")
            assert (row.client_name, row.client_version) == ("tester", "9")
            assert row.protocol_version == "2026-07-28"
            assert len(row.fingerprint) == len(row.tool_digest) == len(row.surface_digest) == 64
            assert row.bytes_in
        assert (intent.decision, outcome.decision) == ("allow", "")
        assert (outcome.http_status, outcome.upstream_status) == (200, 200)
        assert outcome.bytes_out == len(f'{{"secret":"{RESULT}"}}')
        assert listed["name"] == CREATE


async def test_equal_arguments_have_equal_fingerprints_within_a_tenant(
    tmp_path: Path, lab: Lab, store: Store
) -> None:
    """The order of members does not count, the values do, and tenants have keys of their own."""
    async with world(tmp_path, lab, **store) as app:
        prints: dict[str, str] = {}
        for name, server, raw in (
            ("one", "acme", '{"text":"t","count":1}'),
            ("reordered", "acme", '{"count":1,"text":"t"}'),
            ("another value", "acme", '{"text":"t","count":2}'),
            ("another tenant", "globex", '{"text":"t","count":1}'),
        ):
            answer = rule("/*", b"{}", headers=[JSON])
            met = await app.call(("path", "legacy"), Call(CREATE, raw=raw), answer, server=server)
            prints[name] = met.rows[0].fingerprint
        assert prints["one"] == prints["reordered"]
        assert len(set(prints.values())) == 3


async def test_strangers_are_counted_and_leave_no_row(
    tmp_path: Path, lab: Lab, store: Store
) -> None:
    """Requests that resolve to nobody are counted by reason and network, without their token."""
    async with world(tmp_path, lab, **store) as app:
        await app.audit("acme")
        for path, method in (("/mcp/nobody", "POST"), ("/mcp/s/x", "POST"), ("/mcp/x", "GET")):
            for _ in range(3):
                await request(app.house.app, path, method=method, body=b"{}")
        app.house.clock.step(1)  # a second is counted to its end
        for _ in range(600):
            counted = (await app.house.read("/audit/strangers"))["result"]
            if sum(count["count"] for count in counted) == 9:
                break
            await asyncio.sleep(0.1)
        totals = Counter[str]()
        for count in counted:
            totals[count["reason"]] += count["count"]
            assert count["network"] == "192.0.2.0/24"
        assert totals == {"unknown_token": 6, "method_not_allowed": 3}
        assert await app.audit("acme") == []
        assert "nobody" not in json.dumps(counted)


async def test_management_changes_are_events_of_the_same_chain(
    tmp_path: Path, lab: Lab, store: Store
) -> None:
    """Who changed what stands between the calls, in one chain that verifies."""
    async with world(tmp_path, lab, **store) as app:
        account = app.accounts["acme"]
        await app.audit("acme")
        made = await app.house.server(account)
        app.servers["new"] = made
        answers(app)
        await app.call(("path", "legacy"), Call(CREATE, {"text": "t"}), server="new")
        path = f"/integrated-account/{account}/mcp/{made['id']}"
        await app.house.send("DELETE", path, caller="acme")
        (event,) = await app.audit("acme")
        assert (event.phase, event.action, event.subject) == ("event", "server.revoke", made["id"])
        assert event.principal
        assert not found_in(repr(event).encode(), app.secrets())
