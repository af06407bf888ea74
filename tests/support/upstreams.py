"""Tools made by hand, an upstream that answers from a list, and a vault over keys in memory."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
from msgspec import structs

from mcpassport.expressions import Evaluator
from mcpassport.limits import Limits
from mcpassport.records.calls import (
    Follower,
    OutboundRequest,
    OutboundResponse,
    Outcome,
    Progress,
)
from mcpassport.records.grants import Account, Overrides
from mcpassport.records.integration import Annotations, Authorization, Method, Pagination
from mcpassport.records.masked import KeyMaterial, Secret
from mcpassport.records.tool import Part, Route, Tool
from mcpassport.store.keys import Keys
from mcpassport.store.vault import Vault
from mcpassport.upstream.call import Upstream

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECRET = Secret(b'{"token":"S3CRET-token","key":"S3CRET-key","username":"u","password":"S3CRET"}')


@dataclass
class FakeHttp:
    """Answers requests in order, and keeps them."""

    answers: list[OutboundResponse | Exception] = field(default_factory=list)
    requests: list[OutboundRequest] = field(default_factory=list)
    piece: int = 2**16
    breaks: Exception | None = None

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def follow(self, request: OutboundRequest, follower: Follower) -> OutboundResponse:
        """A body in pieces of `self.piece` bytes, if the follower wants it; then a failure."""
        answer = await self.send(request)
        if not follower.begin(answer.status, answer.headers):
            return answer
        for start in range(0, len(answer.body), self.piece):
            await follower.take(answer.body[start : start + self.piece])
        if self.breaks is not None:
            raise self.breaks
        return structs.replace(answer, body=b"")

    @property
    def request(self) -> OutboundRequest:
        (request,) = self.requests
        return request


class MemoryKeys:
    """Data keys that follow from the tenant's name and the version; key 9 is gone."""

    async def tenant_key(self, tenant: str, version: int) -> KeyMaterial:
        return KeyMaterial(hashlib.sha256(f"{tenant} {version}".encode()).digest())

    async def find_tenant_key(self, tenant: str, version: int) -> KeyMaterial | None:
        return None if version == 9 else await self.tenant_key(tenant, version)


class Ticking:
    """A clock that moves 7 ms at every look."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=7)
        return self.now


def vault() -> Vault:
    numbers = iter(range(1, 10**9))
    return Vault(cast("Keys", MemoryKeys()), lambda size: next(numbers).to_bytes(size, "big"))


def response(
    body: Any = b"", status: int = 200, headers: Iterable[tuple[str, str]] = ()
) -> OutboundResponse:
    """A response; a body that is not bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    given = tuple(headers)
    if not any(name == "content-type" for name, _ in given):
        given = (("content-type", "application/json"), *given)
    return OutboundResponse(status=status, headers=given, body=raw)


def make_account(**changes: Any) -> Account:
    """An account of tenant `acme`; `overrides` may be given as a dict."""
    if isinstance(changes.get("overrides"), dict):
        changes["overrides"] = Overrides(**changes["overrides"])
    values: dict[str, Any] = {
        "id": "acc1",
        "tenant": "acme",
        "integration": "crm",
        "name": "Main",
        "created_at": NOW,
        "updated_at": NOW,
        "credential_kind": "bearer",
    }
    return Account(**{**values, **changes})


def make_tool(
    *routes: tuple[str, Part] | Route, schema: dict[str, Any] | None = None, **method: Any
) -> Tool:
    """A tool of `notes.get` (GET /notes, bearer) unless the method's fields say otherwise."""
    values: dict[str, Any] = {
        "resource": "notes",
        "method": "get",
        "http": "GET",
        "base_url": "https://api.example.com/v1",
        "path": "/notes",
        "authorization": Authorization("bearer"),
        "pagination": Pagination("none"),
        "annotations": Annotations(read_only=True, destructive=False, idempotent=True),
    }
    values.update(method)
    all_routes = [
        route if isinstance(route, Route) else Route(route[0], route[1], route[0])
        for route in routes
    ]
    if values["pagination"].kind != "none":
        all_routes += [Route(name, "paging", name) for name in ("limit", "next_cursor")]
    compiled = Method(**values)
    wired = msgspec.json.encode([compiled, all_routes])
    return Tool(
        name="tool",
        title="Tool",
        description="A tool.",
        input_schema=schema or {"type": "object"},
        annotations=compiled.annotations,
        tags=(),
        scopes=(),
        routes=tuple(all_routes),
        method=compiled,
        visible=b"",
        wiring=hashlib.sha256(wired).digest(),
    )


class World:
    """An `Upstream` over a fake network."""

    def __init__(
        self, *answers: OutboundResponse | Exception, limits: Limits | None = None
    ) -> None:
        self.http = FakeHttp(list(answers))
        self.heard: list[Progress] = []
        self.evaluator = Evaluator(processes=1)
        self.upstream = Upstream(
            http=self.http,
            evaluator=self.evaluator,
            vault=vault(),
            limits=limits or Limits(),
            clock=Ticking(),
        )

    async def call(
        self, tool: Tool, account: Account | None = None, /, **arguments: Any
    ) -> Outcome:
        return await self.upstream.call(
            tool, arguments, account or make_account(), SECRET, 1, self.heard.append
        )
