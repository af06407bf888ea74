"""A small world for calls: one tenant, one integration of three tools, and stand-ins that count."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec

from mcpassport.audit.edge import EDGE
from mcpassport.audit.log import AuditLog
from mcpassport.catalog.build import build
from mcpassport.errors import StoreUnavailable
from mcpassport.limits import Limits
from mcpassport.protocol.endpoint import Protocol
from mcpassport.protocol.exchange import Channel
from mcpassport.records.audit import AuditRow, ChainedRow, Checkpoint, EdgeCount, Segment
from mcpassport.records.calls import Outcome, Progress
from mcpassport.records.grants import Account, Caller, IntegrationHead, Server, Tenant
from mcpassport.records.integration import (
    Annotations,
    Authorization,
    Credential,
    CredentialField,
    Documentation,
    Integration,
    Method,
    Pagination,
    Resource,
)
from mcpassport.records.masked import Secret
from mcpassport.records.tool import Catalog, Filter, Tool
from mcpassport.store.protocol import GENESIS, Append, Extent, Link, Needs, Pending, Space, Span

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BUILD = "1.2.3"
BASE_URL = "https://api.example.test"


class Ticking:
    """A clock that moves a millisecond at every look."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


def counting_random() -> Callable[[int], bytes]:
    """Random bytes that are 0, 1, 2 and so on; the first name the process, not a request."""
    numbers: Iterator[int] = iter(range(10**9))
    return lambda size: next(numbers).to_bytes(size, "big")


class MemoryAudit:
    """An audit file in memory, with faults to inject: all writes, or those that hold some text."""

    def __init__(self) -> None:
        self.chains: dict[str, list[ChainedRow]] = {}
        self.known: set[str] = set()
        self.held = Space(0, None)
        self.open: list[tuple[str, ChainedRow]] = []
        self.signed: list[Checkpoint] = []
        self.batches: list[int] = []
        self.broken = False
        self.poison = b""
        self.before_write: Callable[[], Awaitable[None]] | None = None

    async def append(self, rows: Sequence[Pending], link: Link) -> None:
        if self.before_write is not None:
            await self.before_write()
        if self.broken or (self.poison and any(self.poison in row.body for row in rows)):
            raise StoreUnavailable
        self.batches.append(len(rows))
        for row in rows:
            if row.event_id and row.event_id in self.known:
                continue
            if row.closes and not self._closed(row):
                continue
            self.known.add(row.event_id)
            chain = self.chains.setdefault(row.chain, [])
            previous = chain[-1].hash if chain else GENESIS
            sequence = len(chain) + 1
            chain.append(
                ChainedRow(row.chain, sequence, link(previous, sequence, row.body), row.body)
            )
            if row.opens:
                self.open.append((row.opens, chain[-1]))

    def _closed(self, row: Pending) -> bool:
        found = next((one for one in self.open if one[0] == row.closes), None)
        if found is not None:
            self.open.remove(found)
        return found is not None

    async def space(self) -> Space:
        return self.held

    async def open_rows(self) -> list[ChainedRow]:
        return [row for _, row in self.open]

    async def rows(
        self, chain: str, *, after: int = 0, limit: int = 50, newest_first: bool = False
    ) -> list[ChainedRow]:
        rows = [row for row in self.chains.get(chain, []) if row.sequence > after]
        return (rows[::-1] if newest_first else rows)[:limit]

    async def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        self.signed.append(checkpoint)

    async def checkpoints(
        self, chain: str, *, after: int = 0, limit: int = 50, newest_first: bool = False
    ) -> list[Checkpoint]:
        found = [item for item in self.signed if item.chain == chain and item.sequence > after]
        return (found[::-1] if newest_first else found)[:limit]

    async def forget(self, chain: str, through: int) -> None:
        rows = self.chains.get(chain, [])
        self.chains[chain] = [row for row in rows if row.sequence > through]

    async def matching(
        self,
        chain: str,
        spans: Sequence[Span],
        texts: Sequence[bytes],
        *,
        limit: int,
        newest_first: bool = False,
    ) -> list[ChainedRow]:
        found = [
            row
            for row in await self.rows(chain, limit=10**9, newest_first=newest_first)
            if any(span.first <= row.sequence <= span.last for span in spans)
            and all(text in row.body for text in texts)
        ]
        return found[:limit]

    async def extent(self, chain: str) -> Extent | None:
        rows = self.chains.get(chain)
        return Extent(Span(rows[0].sequence, rows[-1].sequence), None) if rows else None

    async def add_segments(self, segments: Sequence[Segment]) -> None:
        """What is held in memory is found without."""

    async def promising(self, _chain: str, _within: Span, _needs: Needs) -> list[Span]:
        return []

    async def unsegmented(self, _size: int) -> list[tuple[str, int]]:
        return []

    async def prove(self, _mark: int) -> None:
        if self.broken:
            raise StoreUnavailable

    async def close(self) -> None:
        """Nothing to release."""

    def written(self, tenant: str = "acme") -> list[AuditRow]:
        """The rows of a chain, decoded."""
        return [msgspec.json.decode(row.body, type=AuditRow) for row in self.chains.get(tenant, [])]

    @property
    def counts(self) -> list[EdgeCount]:
        """What was counted of strangers."""
        rows = self.chains.get(EDGE, [])
        return [msgspec.json.decode(row.body, type=EdgeCount) for row in rows]

    def phases(self, tenant: str = "acme") -> list[str]:
        """The phases of a chain's rows, in order."""
        return [row.phase for row in self.written(tenant)]


class MemoryOutbox:
    """The part of a store that the audit log uses."""

    def __init__(self, *events: Append) -> None:
        self.events = list(events)
        self.done_fails = False

    async def outbox(self, limit: int = 500) -> list[Append]:
        return self.events[:limit]

    async def outbox_done(self, event_ids: Sequence[str]) -> None:
        if self.done_fails:
            raise StoreUnavailable
        self.events = [event for event in self.events if event.event_id not in event_ids]


async def fingerprint_key(tenant: str) -> bytes:
    """A key per tenant that tests can recompute."""
    return b"key of " + tenant.encode()


def audit_log(audit: MemoryAudit, outbox: MemoryOutbox | None = None) -> AuditLog:
    """An audit log over the in-memory file."""
    return AuditLog(
        store=outbox or MemoryOutbox(),  # type: ignore[arg-type]  # only the outbox is used
        audit=audit,
        clock=Ticking(),
        random=counting_random(),
        fingerprint_key=fingerprint_key,
    )


def _method(name: str, http: Any, path: str, **more: Any) -> Method:
    read_only = http == "GET"
    return Method(
        resource="notes",
        method=name,
        http=http,
        base_url=more.pop("base_url", BASE_URL),
        path=path,
        authorization=Authorization("bearer"),
        pagination=more.pop("pagination", Pagination("none")),
        annotations=Annotations(read_only, http == "DELETE", read_only),
        **more,
    )


NOTE = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "text": {"type": "string"}},
    "required": ["id"],
}


def integration(
    base_url: str = BASE_URL, get_method: Mapping[str, Any] | None = None, **get_more: Any
) -> Integration:
    """Notes: get (with an object output), create, delete; more for the method and record of get."""
    return Integration(
        name="notes",
        label="Notes",
        base_url=base_url,
        credentials=(Credential("bearer", (CredentialField("token", "Token"),)),),
        authorization=Authorization("bearer"),
        resources=(Resource(name="notes", label="Notes", singular="note"),),
        methods=(
            _method("get", "GET", "/notes/{{args.id}}", base_url=base_url, **(get_method or {})),
            _method("create", "POST", "/notes", base_url=base_url),
            _method("delete", "DELETE", "/notes/{{args.id}}", base_url=base_url),
        ),
        documentation=(
            Documentation(
                resource="notes",
                method="get",
                description="Read one note.",
                response_schema=NOTE,
                **get_more,
            ),
            Documentation(
                resource="notes",
                method="create",
                description="Write a note.",
                body_schema={
                    "type": "object",
                    "properties": {"text": {"type": "string", "maxLength": 10}},
                    "required": ["text"],
                },
            ),
            Documentation(resource="notes", method="delete", description="Delete a note."),
        ),
        digest="00" * 32,
        version=7,
    )


def caller(filter_: Filter | None = None, **server: Any) -> Caller:
    """Tenant acme calls through server srv_1."""
    return Caller(
        tenant=Tenant(id="acme", name="Acme", created_at=NOW),
        server=Server(
            id="srv_1",
            tenant="acme",
            account="acc_1",
            integration="notes",
            name="read",
            created_at=NOW,
            updated_at=NOW,
            expires_at=None,
            token_hash="00",
            filter=filter_ or Filter(),
            **server,
        ),
        account=Account(
            id="acc_1",
            tenant="acme",
            integration="notes",
            name="Notes of Acme",
            created_at=NOW,
            updated_at=NOW,
            credential_kind="bearer",
        ),
        integration=IntegrationHead(
            name="notes", label="Notes", version=7, digest="00" * 32, updated_at=NOW
        ),
        sealed_credential=b"sealed",
    )


class Catalogs:
    """One catalog, or a store that is gone."""

    def __init__(self, catalog: Catalog) -> None:
        self.only = catalog
        self.error: Exception | None = None

    async def catalog(self, _head: IntegrationHead) -> Catalog:
        if self.error is not None:
            raise self.error
        return self.only


class Credentials:
    """One credential, or the reason why there is none."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def credential(self, _caller: Caller) -> Secret:
        if self.error is not None:
            raise self.error
        return Secret(b'{"token":"planted-credential"}')


class Upstream:
    """Counts the calls and answers each with the same outcome, or raises."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.outcome = Outcome(
            value=b'{"id":"1","text":"hi"}', upstream_status=200, upstream_ms=5, sent=True
        )
        self.error: Exception | None = None
        self.during: Callable[[], Awaitable[None]] | None = None
        self.listener: Callable[[Progress], None] | None = None

    async def call(
        self,
        tool: Tool,
        arguments: dict[str, Any],
        *account_credential_listener: Any,
    ) -> Outcome:
        self.calls.append((tool.name, arguments))
        self.listener = account_credential_listener[3] if account_credential_listener[3:] else None
        if self.during is not None:
            await self.during()
        if self.error is not None:
            raise self.error
        return self.outcome


class Told:
    """The way to a caller: what it was told, and when the call was settled."""

    def __init__(self) -> None:
        self.opened = self.settled = self.started = False
        self.messages: list[Any] = []

    def open(self) -> None:
        self.opened = True

    def tell(self, message: bytes) -> None:
        assert not self.settled
        self.started = True
        self.messages.append(msgspec.json.decode(message))

    def settle(self) -> None:
        self.settled = True


class World:
    """Everything a call passes through, with stand-ins at both ends."""

    def __init__(self, limits: Limits | None = None, **get_more: Any) -> None:
        self.limits = limits or Limits()
        self.audit = MemoryAudit()
        self.log = audit_log(self.audit)
        self.catalogs = Catalogs(build(integration(**get_more)))
        self.credentials = Credentials()
        self.upstream = Upstream()
        self.caller = caller()
        self.throttle: Callable[[Caller], int | None] | None = None
        self.protocol = Protocol(
            versions=cast("Any", self.catalogs),
            accounts=cast("Any", self.credentials),
            upstream=cast("Any", self.upstream),
            limits=self.limits,
            server_version=BUILD,
            throttle=lambda caller: self.throttle(caller) if self.throttle else None,
        )

    async def post(
        self,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        channel: Channel | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Answer one POST as the edge would: status, headers, body."""
        entry = self.log.open()
        entry.admitted(self.caller)
        try:
            reply = await self.protocol.answer(
                self.caller, headers or {}, body, entry, channel=channel
            )
        finally:
            await entry.close()
        sent = {name.decode(): value.decode() for name, value in reply.headers}
        return reply.status, sent, reply.body


MODERN = "2026-07-28"


def modern(method: str, params: dict[str, Any] | None = None, **meta: Any) -> bytes:
    """A modern request body with id 1."""
    claims = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "tester", "version": "9"},
    }
    params = {**(params or {}), "_meta": claims | meta}
    return msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})


def modern_headers(method: str, name: str | None = None, **more: str) -> dict[str, str]:
    """The headers that go with it."""
    headers = {
        "mcp-protocol-version": MODERN,
        "mcp-method": method,
        "accept": "application/json, text/event-stream",
    }
    return headers | ({"mcp-name": name} if name else {}) | more


def legacy(method: str, params: dict[str, Any] | None = None, id_: Any = 1) -> bytes:
    """A legacy request body."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": id_, "method": method}
    return msgspec.json.encode(message if params is None else message | {"params": params})


def legacy_headers(revision: str = "2025-11-25") -> dict[str, str]:
    """The headers of an MCP client of that revision."""
    return {
        "mcp-protocol-version": revision,
        "accept": "application/json, text/event-stream",
    }
