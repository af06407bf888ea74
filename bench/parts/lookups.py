"""What it costs to look a token up, by the number of MCP servers in the store."""

import asyncio
import secrets
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bench import servers
from bench.load import Target, shuffled
from bench.measure import Plan, Row, in_turns
from bench.servers import Grant, Running, Vendor

from mcpassport.app import open_services
from mcpassport.gate.tokens import issue, token_hash
from mcpassport.limits import SERVER_TOKEN_PREFIX
from mcpassport.records.grants import Account, IndexEntry, Server
from mcpassport.settings import load
from mcpassport.store import DATA_FILE
from mcpassport.store.protocol import Put
from mcpassport.store.repositories import INDEX, SERVERS

SIZES: Final = (1_000, 100_000, 1_000_000)
CONNECTIONS: Final = 32
CALLED: Final = 20_000
"""Tokens that are called, in an order of their own: more than any memo keeps warm by chance."""
_BATCH: Final = 20_000
_INSERT: Final = """
    INSERT INTO records (kind, tenant, id, value, etag, account, integration)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""


def run(folder: Path, upstream: int, plan: Plan, sizes: tuple[int, ...] = SIZES) -> list[Any]:
    """A row per size: `ping`, which looks up, admits and records, and does nothing else."""
    results: list[dict[str, Any]] = []
    tokens: list[str] = []
    place = folder / "lookups"
    with servers.mcpassport(place, upstream) as server:
        asyncio.run(_grant(folder / "lookups-content", server, upstream))
    config = place / "home" / "mcpassport.toml"
    for size in sizes:
        asyncio.run(_grow(config, tokens, size))
        with servers.again(place) as server:
            called = shuffled(tokens)[:CALLED]
            requests = tuple(servers.rpc(f"/mcp/{token}", "ping") for token in called)
            rows = [Row(Target("ping", server.port, requests), server.pid)]
            (found,) = in_turns(rows, CONNECTIONS, plan)
        results.append(found | {"servers": size})
        print(f"  {size} servers: {found['cpu_us_per_call']} µs of CPU", flush=True)
    return results


async def _grant(folder: Path, server: Running, upstream: int) -> Grant:
    vendor = Vendor(server)
    integration = await vendor.push(servers.content(folder, upstream))
    await vendor.tenant("bench")
    return await vendor.grant("bench", await vendor.account("bench", integration))


async def _grow(config: Path, tokens: list[str], size: int) -> None:
    """More servers on the one account: the product's records and columns, written in bulk."""
    settings = load(config)
    async with open_services(settings) as services:
        account = (await services.accounts.page("bench", None, None, 1))[0][0]
        key = (await services.keys.token_keys()).current.key
        now = services.clock()
    file = sqlite3.connect(settings.data_dir / DATA_FILE, isolation_level=None)
    with closing(file):
        # Nobody else has the file, and the run begins anew if this fails: no journal, one commit.
        for pragma in ("cache_size = -2000000", "synchronous = OFF", "journal_mode = OFF"):
            file.execute(f"PRAGMA {pragma}").fetchall()
        file.execute("BEGIN IMMEDIATE")
        while len(tokens) < size:
            rows: list[tuple[Any, ...]] = []
            for _ in range(min(_BATCH, size - len(tokens))):
                token = issue(SERVER_TOKEN_PREFIX, secrets.token_bytes)
                tokens.append(token)
                rows += map(_row, _puts(account, token_hash(key, token), now))
            file.executemany(_INSERT, rows)
        file.execute("COMMIT")


def _row(put: Put) -> tuple[Any, ...]:
    columns = (put.columns.get(name) for name in ("account", "integration"))
    return (*put.key, put.value, secrets.token_hex(12), *columns)


def _puts(account: Account, hashed: str, now: datetime) -> tuple[Put, Put]:
    name = secrets.token_urlsafe(16)
    server = Server(
        id=name,
        tenant=account.tenant,
        account=account.id,
        integration=account.integration,
        name="bench",
        created_at=now,
        updated_at=now,
        expires_at=now + timedelta(days=1),
        token_hash=hashed,
    )
    at = IndexEntry("server", account.tenant, name, account.id, account.integration)
    return SERVERS.put(server), INDEX.put(hashed, at)
