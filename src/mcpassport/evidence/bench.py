"""What a check works with: the product from outside (HTTP) and from the side (files, lab)."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from secrets import token_hex
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

import msgspec

from mcpassport.errors import McpassportError
from mcpassport.evidence.finding import CheckFailed
from mcpassport.evidence.probe import CREDENTIAL_KIND, INTEGRATION, probe
from mcpassport.evidence.processes import USER_AGENT, Sandbox
from mcpassport.evidence.unreached import Unreached
from mcpassport.evidence.upstream import Lab, Says
from mcpassport.limits import (
    HEADER_API_TOKEN,
    HEADER_METHOD,
    HEADER_NAME,
    HEADER_PROTOCOL,
    LEGACY_DEFAULT,
    LIMITS,
    MODERN_REVISIONS,
)
from mcpassport.protocol.present import KEY_ERROR
from mcpassport.records.calls import OutboundRequest, OutboundResponse
from mcpassport.records.evidence import FailureTable

CREATED: Final = 201
PUSHED: Final = (200, 201)
"""200 where the version is the one there is."""
CANARY_BYTES: Final = 24
NEVER_S: Final = 120
Headers: TypeAlias = tuple[tuple[str, str], ...]
Era: TypeAlias = Literal["legacy", "modern"]
_CLIENT: Final = {"name": USER_AGENT, "version": "1"}
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_FIELDS: Final = {"bearer": "token", "api_key": "key"}
"""Credential kind -> the field that holds the secret."""
_META: Final = "io.modelcontextprotocol/"


@dataclass(frozen=True)
class Grant:
    """A server of a tenant's account, and the credential that only this account holds."""

    tenant: str
    account: str
    server: str
    token: str
    credential: str

    @property
    def address(self) -> str:
        """Where the token itself is the path."""
        return f"/mcp/{self.token}"

    @property
    def header_address(self) -> str:
        """Where the token travels in `Authorization`."""
        return f"/mcp/s/{self.server}"

    @property
    def by_header(self) -> Headers:
        """What `header_address` wants."""
        return (("Authorization", f"Bearer {self.token}"),)


@dataclass(frozen=True)
class Message:
    """One JSON-RPC request of an era, as a client of that era sends it."""

    method: str
    params: Mapping[str, Any]
    era: Era = "legacy"
    id: Any = 1

    @classmethod
    def call(
        cls, tool: str, arguments: Any, era: Era = "legacy", more: Mapping[str, Any] = _NOTHING
    ) -> "Message":
        """A `tools/call`, with `more` beside its name and arguments."""
        return cls("tools/call", {"name": tool, "arguments": arguments, **more}, era)

    @property
    def body(self) -> bytes:
        """The request as JSON."""
        params = dict(self.params)
        if self.era == "modern":
            params["_meta"] = {
                _META + "protocolVersion": MODERN_REVISIONS[0],
                _META + "clientCapabilities": {},
                _META + "clientInfo": _CLIENT,
                **params.get("_meta", {}),
            }
        request = {"jsonrpc": "2.0", "id": self.id, "method": self.method, "params": params}
        return msgspec.json.encode(request)

    @property
    def headers(self) -> Headers:
        """The headers that go with it."""
        revision = MODERN_REVISIONS[0] if self.era == "modern" else LEGACY_DEFAULT
        usual = (
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
            (HEADER_PROTOCOL, revision),
        )
        if self.era == "legacy":
            return usual
        named = ((HEADER_NAME, self.params["name"]),) if "name" in self.params else ()
        return (*usual, (HEADER_METHOD, self.method), *named)


@dataclass
class Bench:
    """The running sandbox and the lab behind it. `full` asks for what takes longer too."""

    sandbox: Sandbox
    lab: Lab
    unreached: Unreached
    full: bool = False
    failures: FailureTable | None = None
    """The output of the failure run, once it was made."""
    networks: int = 0
    """How many `elsewhere` named."""

    async def send(
        self, method: str, path: str, headers: Headers = (), body: bytes | None = None
    ) -> OutboundResponse:
        """One request to the product."""
        request = OutboundRequest(
            method=method,
            url=self.sandbox.origin + path,
            headers=headers,
            body=body,
            timeout_s=LIMITS["call_timeout_s"].ceiling,  # no call of the product takes longer
        )
        return await self.sandbox.http.send(request)

    async def manage(
        self, method: str, path: str, body: Any = None, *, token: str = "", more: Headers = ()
    ) -> OutboundResponse:
        """One request to the management API, as admin unless another token is given."""
        headers = (
            ("Content-Type", "application/json"),
            ("Authorization", f"Bearer {token or self.sandbox.ready.token}"),
            *more,
        )
        data = None if body is None else msgspec.json.encode(body)
        return await self.send(method, path, headers, data)

    def elsewhere(self) -> Headers:
        """A client network that nobody called from yet, as the proxy of the sandbox passes it on.

        Many refusals from one network would make the next one wait.
        """
        self.networks += 1
        return (("X-Forwarded-For", f"10.{self.networks // 256}.{self.networks % 256}.1"),)

    async def create(self, path: str, body: Any) -> dict[str, Any]:
        """POST, and the object that came of it; `CheckFailed` for anything but 201."""
        answer = await self.manage("POST", path, body)
        if answer.status != CREATED:
            raise CheckFailed(f"POST {path.partition('?')[0]} answered {answer.status}")
        made: dict[str, Any] = json.loads(answer.body)
        return made

    async def prepare(self) -> None:
        """The integration that the checks call."""
        await self.create("/integration", probe(self.lab.origin))

    def canary(self, kind: str) -> str:
        """A text that nobody else wrote: random, but for the kind that it begins with."""
        return f"{kind}-{token_hex(CANARY_BYTES)}"

    async def tenant(self) -> str:
        """A new tenant."""
        body = {"id": f"tenant-{token_hex(8)}", "name": "Made for a check"}
        return str((await self.create("/tenant", body))["id"])

    async def account(
        self,
        tenant: str,
        credential: str,
        integration: str = INTEGRATION,
        kind: str = CREDENTIAL_KIND,
    ) -> str:
        """A new account of that tenant, with that credential."""
        body = {
            "tenant": tenant,
            "integration": integration,
            "name": f"account of {tenant}",
            "credential_kind": kind,
            "credential": {_FIELDS[kind]: credential},
        }
        made = await self.create("/integrated-account", body)
        return str(made["id"])

    async def grant(self, tenant: str = "", account: str = "", **config: Any) -> Grant:
        """A server on an account, each of them new unless it is given."""
        tenant = tenant or await self.tenant()
        credential = "" if account else self.canary("credential")
        account = account or await self.account(tenant, credential)
        body = {"name": f"server of {tenant}", "config": config}
        server = await self.create(f"/integrated-account/{account}/mcp", body)
        return Grant(tenant, account, server["id"], server["token"], credential)

    async def grant_on(self, content: Mapping[str, Any]) -> Grant:
        """A server of a new tenant's account on an integration, which is pushed first."""
        pushed = await self.manage("POST", "/integration", content)
        if pushed.status not in PUSHED:
            raise CheckFailed(f"POST /integration answered {pushed.status}")
        config, credential = content["config"], self.canary("credential")
        tenant = await self.tenant()
        kind = config["credentials"][0]["kind"]
        account = await self.account(tenant, credential, config["name"], kind)
        return replace(await self.grant(tenant, account), credential=credential)

    async def api_token(self, role: str, tenant: str = "") -> dict[str, Any]:
        """A new API token: `id`, `token` and the rest."""
        body = {"role": role, "name": f"{role} token"}
        return await self.create("/api-token", body | ({"tenant": tenant} if tenant else {}))

    async def webhook(self, tenant: str, url: str = "https://evidence.invalid/") -> dict[str, Any]:
        """A new webhook of that tenant; it leads nowhere unless it is told where."""
        return await self.create("/webhook", {"tenant": tenant, "url": url})

    async def rpc(
        self, address: str, message: Message, *headers: tuple[str, str]
    ) -> OutboundResponse:
        """One JSON-RPC request to an MCP address; headers given replace those of the same name."""
        own = {name.lower() for name, _ in headers}
        usual = tuple(each for each in message.headers if each[0].lower() not in own)
        return await self.send("POST", address, (*usual, *headers), message.body)

    async def call(self, grant: Grant, tool: str, **arguments: Any) -> str:
        """One call at the plain address: `ok`, or the type of its error."""
        return outcome_of(await self.rpc(grant.address, Message.call(tool, arguments)))

    @asynccontextmanager
    async def held(
        self, address: str, message: Message, *headers: tuple[str, str]
    ) -> AsyncIterator[None]:
        """A call that the upstream has and never answers; its caller hangs up at the end."""
        await self.lab.answer(Says(fault={"kind": "delay", "seconds": NEVER_S}))
        calling = asyncio.create_task(self.rpc(address, message, *headers))
        try:
            await self.lab.arrival()
            yield
        finally:
            calling.cancel()
            with suppress(asyncio.CancelledError, McpassportError):
                await calling
            await self.lab.answer()

    async def tools(self, grant: Grant) -> set[str]:
        """The names that `tools/list` answers."""
        answer = document_of(await self.rpc(grant.address, Message("tools/list", {})))
        return {tool["name"] for tool in answer.get("result", {}).get("tools", [])}


def document_of(answer: OutboundResponse) -> dict[str, Any]:
    """The JSON object of an answer; empty if it is none."""
    try:
        found = json.loads(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def outcome_of(answer: OutboundResponse) -> str:
    """What an MCP answer says: `ok`, or the type of its error, on whichever channel it came."""
    document = document_of(answer)
    result, error = document.get("result"), document.get("error")
    if isinstance(result, dict):
        envelope = result.get("_meta", {}).get(KEY_ERROR) if result.get("isError") else None
        return "ok" if envelope is None else str(envelope["type"])
    if isinstance(error, dict):
        data = error.get("data")
        return str(data.get("type", "")) if isinstance(data, dict) else str(error.get("type", ""))
    return f"HTTP {answer.status}"


def factor(token: str) -> tuple[str, str]:
    """The header that shows an API token as a second factor."""
    return (HEADER_API_TOKEN, token)
