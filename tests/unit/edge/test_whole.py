"""The endpoint over real parts: SQLite files, keys, vault, gate, evaluator, sockets."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.asgi import Connection, Response, request
from tests.support.calling import (
    Catalogs,
    integration,
    legacy,
    legacy_headers,
    modern,
    modern_headers,
)
from tests.support.rawserver import Exchange, RawServer, raw_server

from mcpassport.accounts.connect import AccountDraft, Accounts
from mcpassport.audit.chain import verify
from mcpassport.audit.edge import EdgeCounter
from mcpassport.audit.log import AuditLog
from mcpassport.catalog.build import build
from mcpassport.edge.floods import Floods
from mcpassport.edge.mcp import McpEndpoint
from mcpassport.expressions import Evaluator
from mcpassport.gate.admit import Gate
from mcpassport.gate.servers import ServerDraft, Servers
from mcpassport.gate.validity import Lifetimes
from mcpassport.http import HttpClient
from mcpassport.limits import Limits
from mcpassport.protocol.endpoint import Protocol
from mcpassport.records.audit import AuditRow
from mcpassport.records.grants import IntegrationHead, Tenant
from mcpassport.records.masked import KeyMaterial
from mcpassport.store import open_audit, open_keystore, open_store
from mcpassport.store.keys import open_keys
from mcpassport.store.repositories import HEADS, TENANTS
from mcpassport.store.vault import Vault
from mcpassport.upstream.call import Upstream

GET = "get_single_notes_note_by_id"
CREDENTIAL = "planted-upstream-credential"


def now() -> datetime:
    return datetime.now(UTC)


class Deployment:
    """One tenant, one account, one server, over a data folder."""

    def __init__(self, folder: Path, raw: RawServer) -> None:
        self.folder = folder
        self.raw = raw
        self.stack = AsyncExitStack()
        self.token = ""

    async def open(self) -> None:
        url = f"sqlite:///{self.folder}"
        self.store, self.audit = open_store(url), open_audit(url)
        master = KeyMaterial(bytes(32))
        keys = await open_keys(open_keystore(url), master, clock=now, random=secrets.token_bytes)
        for part in (self.store, self.audit, keys):
            self.stack.push_async_callback(part.close)
        vault, evaluator, limits = Vault(keys, secrets.token_bytes), Evaluator(), Limits()
        self.stack.push_async_callback(evaluator.close)
        http = HttpClient(
            limits=limits, private_hosts=[f"127.0.0.1:{self.raw.port}"], user_agent="test"
        )
        self.stack.push_async_callback(http.close)
        self.log = AuditLog(
            store=self.store,
            audit=self.audit,
            clock=now,
            random=secrets.token_bytes,
            fingerprint_key=keys.fingerprint_key,
        )
        await self.log.start()
        self.stack.push_async_callback(self.log.close)
        accounts = Accounts(self.store, vault, now)
        upstream = Upstream(http=http, evaluator=evaluator, vault=vault, limits=limits, clock=now)
        described = integration(self.raw.origin)
        self.endpoint = McpEndpoint(
            gate=Gate(self.store, keys, now),
            protocol=Protocol(
                versions=Catalogs(build(described)),
                accounts=accounts,
                upstream=upstream,
                limits=limits,
                server_version="1.2.3",
            ),
            audit=self.log,
            edge=EdgeCounter(self.audit, now),
            floods=Floods(limits, random=secrets.token_bytes),
        )
        await keys.create_tenant_key("acme")
        tenant = Tenant(id="acme", name="Acme", created_at=now())
        head = IntegrationHead(
            name="notes", label="Notes", version=7, digest="0" * 64, updated_at=now()
        )
        await self.store.write([TENANTS.put(tenant), HEADS.put(head)])
        draft = AccountDraft(
            id="acc_1",
            name="Notes",
            credential_kind="bearer",
            credential={"token": CREDENTIAL},
            context={},
        )
        account = await accounts.create(tenant, described, draft, [])
        self.servers = Servers(
            self.store,
            keys,
            lifetimes=Lifetimes(default=timedelta(days=1)),
            clock=now,
            random=secrets.token_bytes,
        )
        _, self.token = await self.servers.create(account, ServerDraft(id="srv_1", name="s"))

    async def call(self, body: bytes, headers: dict[str, str], **options: Any) -> Response | None:
        path = options.pop("path", f"/mcp/{self.token}")
        return await request(
            self.endpoint,
            path,
            headers={"content-type": "application/json"} | headers,
            body=options.pop("connection", body),
        )

    async def rows(self) -> list[AuditRow]:
        chained = await self.log.rows("acme", limit=200)
        assert verify(chained) is None
        return [msgspec.json.decode(row.body, type=AuditRow) for row in chained]


class Api:
    """The upstream: answers by path, and can be told to take its time."""

    def __init__(self) -> None:
        self.slow = asyncio.Event()

    async def play(self, exchange: Exchange) -> None:
        if exchange.target.endswith("/limited"):
            await exchange.reply(b"{}", status=429, head="Retry-After: 7\r\n")
        elif exchange.target.endswith("/slow"):
            self.slow.set()
            await exchange.peer_closed()
        else:
            await exchange.reply(
                b'{"id":"1","text":"hi"}', head="Content-Type: application/json\r\n"
            )


@pytest.fixture
async def deployed(tmp_path: Path) -> AsyncIterator[tuple[Deployment, Api]]:
    api = Api()
    async with raw_server(api.play) as raw:
        deployment = Deployment(tmp_path, raw)
        async with deployment.stack:
            await deployment.open()
            yield deployment, api


def get(note: str) -> dict[str, Any]:
    return {"name": GET, "arguments": {"id": note}}


async def test_a_call_reaches_the_api_once(deployed: tuple[Deployment, Api]) -> None:
    """Both eras: one upstream request with the account's credential, two rows in a whole chain."""
    house, _ = deployed
    answers = [
        await house.call(legacy("tools/call", get("1")), legacy_headers()),
        await house.call(modern("tools/call", get("1")), modern_headers("tools/call", GET)),
    ]
    for answer in answers:
        assert answer is not None
        assert answer.json()["result"]["structuredContent"] == {"id": "1", "text": "hi"}
        assert CREDENTIAL not in str(answer)
    assert [exchange.target for exchange in house.raw.exchanges] == ["/notes/1"] * 2
    assert f"bearer {CREDENTIAL}".encode() in house.raw.exchanges[0].head.lower()
    assert [row.phase for row in await house.rows()] == ["intent", "outcome"] * 2


async def test_a_rate_limit_comes_through(deployed: tuple[Deployment, Api]) -> None:
    """The upstream's 429 is a 429 with its wait, and is not repeated."""
    house, _ = deployed
    answer = await house.call(
        modern("tools/call", get("limited")), modern_headers("tools/call", GET)
    )
    assert answer is not None
    assert (answer.status, answer.header("retry-after")) == (429, "7")
    assert answer.json()["error"]["data"]["type"] == "rate_limited"
    assert len(house.raw.exchanges) == 1


async def test_hanging_up_stops_the_upstream_request(deployed: tuple[Deployment, Api]) -> None:
    """A modern caller who hangs up closes the connection to the API, and is recorded."""
    house, api = deployed
    connection = Connection([modern("tools/call", get("slow"))])
    calling = asyncio.create_task(
        house.call(b"", modern_headers("tools/call", GET), connection=connection)
    )
    await api.slow.wait()
    connection.hung_up.set()
    assert await calling is None
    assert [row.outcome for row in await house.rows()] == ["", "cancelled"]


async def test_a_revoked_server_is_gone_at_once(deployed: tuple[Deployment, Api]) -> None:
    """The next request after a revocation is the identical 404, and the tenant's audit says why."""
    house, _ = deployed
    body, headers = legacy("tools/list"), legacy_headers()
    before = await house.call(body, headers)
    await house.servers.revoke("acme", "srv_1")
    after = await house.call(body, headers)
    stranger = await house.call(body, headers, path="/mcp/unknown")
    assert before is not None
    assert before.status == 200
    assert after == stranger
    await house.log.flush()
    assert [(row.phase, row.reason) for row in await house.rows()][-1] == ("refusal", "revoked")


async def test_many_calls_at_once_leave_two_rows_each(deployed: tuple[Deployment, Api]) -> None:
    """N calls, N intents, N outcomes, and the chain is whole."""
    house, _ = deployed
    calls = [house.call(legacy("tools/call", get("1")), legacy_headers()) for _ in range(40)]
    answers = await asyncio.gather(*calls)
    assert {answer.status for answer in answers if answer is not None} == {200}
    phases = [row.phase for row in await house.rows()]
    assert (phases.count("intent"), phases.count("outcome")) == (40, 40)


async def test_files_hold_no_argument_and_no_token(deployed: tuple[Deployment, Api]) -> None:
    """Neither what was asked, nor what came back, nor any secret is in a file."""
    house, _ = deployed
    await house.call(legacy("tools/call", get("planted-argument")), legacy_headers())
    assert len(await house.rows()) == 2
    written = b"".join(path.read_bytes() for path in house.folder.iterdir())
    for planted in ("planted-argument", CREDENTIAL, house.token):
        assert planted.encode() not in written
