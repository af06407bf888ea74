"""The whole app over a recording upstream, and what one request to it came to on every side."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec
from tests.support.asgi import Connection, Response, request
from tests.support.calling import legacy, legacy_headers, modern, modern_headers
from tests.support.deployment import Deployment, deployment
from tests.support.items import items
from tests.support.lab import Lab, Seen, rule
from tests.support.scan import found_in

from mcpassport.audit.chain import verify
from mcpassport.limits import Limits
from mcpassport.records.audit import AuditRow
from mcpassport.store.protocol import GENESIS

Era: TypeAlias = Literal["legacy", "modern"]
Door: TypeAlias = Literal["path", "header"]
WAYS: tuple[tuple[Door, Era], ...] = (("path", "legacy"), ("header", "modern"))
"""Both addresses and both eras, in two requests."""
EVERY_WAY: tuple[tuple[Door, Era], ...] = (*WAYS, ("path", "modern"), ("header", "legacy"))

CREDENTIALS = {"acme": "lab_planted_of_acme_0001", "globex": "lab_planted_of_globex_02"}
LIMITS = Limits(
    request_body_bytes=2**20,
    upstream_body_bytes=2**16,
    calls_per_10s=100_000,
    strangers_per_10s=100_000,
)


class On(NamedTuple):
    """How one type of failure must look: JSON-RPC code, or None for a result with `isError`."""

    code: int | None
    legacy: int = 200
    modern: int = 200
    whose: str = "caller"


TOOL = On(None)
UPSTREAM = On(None, whose="upstream")
GATEWAY = On(None, whose="gateway")
FAILURES: dict[str, On] = {
    "parse_error": On(-32700, 400, 400),
    "invalid_request": On(-32600, 400, 400),
    "invalid_params": On(-32602, 200, 400),
    "method_not_found": On(-32601, 200, 404),
    "unknown_tool": On(-32602),
    "header_mismatch": On(-32020, 400, 400),
    "unsupported_version": On(-32022, 400, 400),
    "invalid_arguments": TOOL,
    "upstream_unreachable": UPSTREAM,
    "upstream_timeout": UPSTREAM,
    "response_too_large": UPSTREAM,
    "upstream_unauthorized": UPSTREAM,
    "upstream_rejected": UPSTREAM,
    "upstream_failed": UPSTREAM,
    "upstream_redirect": UPSTREAM,
    "upstream_reported_error": UPSTREAM,
    "malformed_upstream_response": UPSTREAM,
    "address_forbidden": GATEWAY,
    "expression_failed": GATEWAY,
    "reauthorization_required": GATEWAY,
    "store_unavailable": GATEWAY,
    "audit_unavailable": GATEWAY,
}
"""What the design says of each failure once a body was parsed (mcp-facts 1.5, 2.4, 4)."""


class Call(NamedTuple):
    """One tool call; `raw` replaces the JSON of its arguments."""

    tool: str
    arguments: Mapping[str, Any] = {}
    raw: str | None = None

    def body(self, era: Era) -> bytes:
        """The JSON-RPC message."""
        params = {"name": self.tool, "arguments": {} if self.raw else dict(self.arguments)}
        made = modern("tools/call", params) if era == "modern" else legacy("tools/call", params)
        if self.raw is None:
            return made
        return made.replace(b'"arguments":{}', b'"arguments":' + self.raw.encode())

    def headers(self, era: Era) -> dict[str, str]:
        """The headers that go with it."""
        if era == "legacy":
            return legacy_headers()
        return modern_headers("tools/call") | {"mcp-name": self.tool}


@dataclass(frozen=True)
class Met:
    """What one request came to: the answer, the upstream's log, the audit."""

    response: Response
    upstream: list[Seen]
    rows: list[AuditRow]

    @property
    def phases(self) -> list[str]:
        """The audit in short: `intent`, `outcome ok`, `refusal unknown_tool`."""
        return [f"{row.phase} {row.outcome or row.reason}".strip() for row in self.rows]

    def envelope(self) -> dict[str, Any]:
        """The error envelope, wherever the channel puts it."""
        document = self.response.json()
        if "result" in document:
            found: dict[str, Any] = document["result"]["_meta"]["mcpassport/error"]
            return found
        error: dict[str, Any] = document["error"]
        data: dict[str, Any] = error.get("data", error)
        return data

    def result(self) -> Any:
        """What a successful call gave: the text block as JSON."""
        result = self.response.json()["result"]
        assert "isError" not in result, result
        return json.loads(result["content"][0]["text"])


@dataclass
class World:
    """One deployment over the lab: an account of each tenant, and servers by name."""

    house: Deployment
    lab: Lab
    accounts: dict[str, str] = field(default_factory=dict)
    servers: dict[str, dict[str, Any]] = field(default_factory=dict)
    _ends: dict[str, tuple[bytes, int]] = field(default_factory=dict)

    async def settle(self, content: dict[str, Any]) -> None:
        """Push the integration, connect both tenants, and open a server for each."""
        await self.house.push(content)
        for tenant, secret in CREDENTIALS.items():
            self.accounts[tenant] = await self.connect(tenant, secret, content["config"]["name"])
            self.servers[tenant] = await self.house.server(self.accounts[tenant])

    async def connect(self, tenant: str, secret: str, integration: str, **more: Any) -> str:
        """An account with that secret; its id."""
        credential = {"token": secret}
        return await self.house.account(
            tenant, integration=integration, credential=credential, **more
        )

    def secrets(self) -> set[str]:
        """Everything that no answer, no audit row and no file may hold."""
        tokens = {server["token"] for server in self.servers.values()}
        return {*CREDENTIALS.values(), *self.house.tokens.values(), *tokens}

    def address(self, door: Door, server: str = "acme") -> tuple[str, dict[str, str]]:
        """Path and headers that open a server."""
        made = self.servers[server]
        if door == "path":
            return f"/mcp/{made['token']}", {}
        return f"/mcp/s/{made['id']}", {"authorization": f"Bearer {made['token']}"}

    async def post(
        self,
        path: str,
        body: bytes | Sequence[bytes],
        headers: Mapping[str, str] | Sequence[tuple[str, str]],
        *answers: dict[str, Any],
        tenant: str = "acme",
    ) -> Met:
        """One POST; `answers` are the lab's, `tenant` is whose audit is looked at."""
        self.lab.forget()
        if answers:
            self.lab.answers(*answers)
        await self.audit(tenant)
        chunks = [body] if isinstance(body, bytes) else list(body)
        given = list(headers.items() if isinstance(headers, Mapping) else headers)
        if "content-type" not in dict(given):
            given.append(("content-type", "application/json"))
        response = await request(self.house.app, path, headers=given, body=Connection(chunks))
        assert response is not None
        met = Met(response, self.lab.requests(), await self.audit(tenant))
        self.reveals_nothing(met)
        return met

    async def call(
        self, way: tuple[Door, Era], call: Call, *answers: dict[str, Any], server: str = "acme"
    ) -> Met:
        """One tool call."""
        door, era = way
        path, headers = self.address(door, server)
        tenant = self.servers[server]["tenant"]
        sent = {**call.headers(era), **headers}
        return await self.post(path, call.body(era), sent, *answers, tenant=tenant)

    async def audit(self, chain: str) -> list[AuditRow]:
        """The rows since the last look, verified to continue the chain."""
        await self.house.services.audit.flush()
        previous, sequence = self._ends.get(chain, (GENESIS, 0))
        rows = await self.house.services.audit.rows(chain, after=sequence, limit=10_000)
        assert verify(rows, previous=previous, sequence=sequence + 1) is None
        if rows:
            self._ends[chain] = (rows[-1].hash, rows[-1].sequence)
        return [msgspec.json.decode(row.body, type=AuditRow) for row in rows]

    def reveals_nothing(self, met: Met) -> None:
        """Neither answer nor audit holds a credential or a token."""
        shown = met.response.body + repr(met.response.headers).encode()
        assert not found_in(shown, self.secrets())
        assert not found_in(msgspec.json.encode(met.rows), self.secrets())


def ok(value: Any = None) -> dict[str, Any]:
    """The lab answers everything with that JSON."""
    return rule("/*", json={"id": "1"} if value is None else value)


def failed(met: Met, kind: str, era: Era) -> None:
    """The answer is that failure, on the right channel, with a whole envelope."""
    expected = FAILURES[kind]
    document = strict(met.response.body)
    assert met.response.status == getattr(expected, era), met.response.body
    envelope = met.envelope()
    if expected.code is None:
        assert document.keys() == {"jsonrpc", "id", "result"}
        assert document["result"]["isError"] is True
        assert "structuredContent" not in document["result"]
        assert document["result"]["content"][0]["text"].startswith(f"{kind}: ")
    else:
        assert document.keys() - {"id"} == {"jsonrpc", "error"}
        assert document["error"]["code"] == expected.code
    if kind == "unsupported_version":  # the specification wants its own members there
        assert envelope.keys() == {"supported", "requested"}
        return
    assert (envelope["type"], envelope["whose"]) == (kind, expected.whose)
    assert envelope["message"]
    assert envelope["request_id"].startswith("req_")


def succeeded(met: Met) -> Any:
    """The answer is a result of our own making and nothing else; what it gave."""
    document = strict(met.response.body)
    assert met.response.status == 200
    assert document.keys() == {"jsonrpc", "id", "result"}
    assert (document["jsonrpc"], document["id"]) == ("2.0", 1)
    allowed = {"content", "structuredContent", "resultType", "_meta"}
    assert document["result"].keys() <= allowed, document
    assert len(document["result"]["content"]) == 1
    assert met.phases == ["intent", "outcome ok"]
    return met.result()


def refused(met: Met, kind: str, era: Era) -> None:
    """The caller's fault was told before anything was intended; the upstream saw nothing."""
    failed(met, kind, era)
    assert met.upstream == []
    assert met.phases == [f"refusal {kind}"]
    assert met.rows[0].http_status == met.response.status
    assert met.rows[0].decision == "deny"


def withheld(met: Met, kind: str, era: Era) -> None:
    """The request could not be built, so nothing was sent; the intent has an outcome."""
    failed(met, kind, era)
    assert met.upstream == []
    assert met.phases == ["intent", f"outcome {kind}"]
    assert met.rows[1].upstream_status is None
    assert met.rows[1].upstream_ms is None


def sent_once(met: Met, kind: str, era: Era) -> None:
    """The upstream saw one request, and its failure is told and recorded."""
    failed(met, kind, era)
    assert len(met.upstream) == 1
    assert met.phases == ["intent", f"outcome {kind}"]
    assert met.rows[1].http_status == met.response.status


def strict(body: bytes) -> dict[str, Any]:
    """A JSON object in UTF-8 without a doubled member of ours, whatever stands deeper."""
    document: dict[str, Any] = json.loads(body.decode(), parse_constant=_no_constant)
    doubled: list[str] = []
    json.loads(body, object_pairs_hook=lambda pairs: _noting(pairs, doubled))
    assert not {"jsonrpc", "id", "result", "error", "content", "isError"} & set(doubled)
    return document


def _noting(pairs: list[tuple[str, Any]], doubled: list[str]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    doubled += {name for name in names if names.count(name) > 1}
    return dict(pairs)


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


@asynccontextmanager
async def world(folder: Path, lab: Lab, **settings: Any) -> AsyncIterator[World]:
    """A deployment whose upstream is the lab, ready to be called."""
    chosen = {"private_hosts": [lab.listing], "limits": LIMITS, **settings}
    async with deployment(folder, **chosen) as house:
        made = World(house, lab)
        await made.settle(items(lab.origin))
        yield made
