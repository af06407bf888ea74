"""What a check works with: the product from outside (HTTP) and from the side (files, lab)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from mcpassport.errors import InternalError
from mcpassport.evidence.probe import INTEGRATION, probe
from mcpassport.evidence.upstream import Lab
from mcpassport.http import HttpClient
from mcpassport.records.calls import OutboundRequest, OutboundResponse
from mcpassport.records.evidence import FailureTable, Verdict

CREATED = 201
TENANTS = ("north", "south")


class CheckFailed(Exception):
    """The product could not be driven as the check needs; the text is what it saw."""


@dataclass
class Finding:
    """What a check comes to; `control` is set once its planted fault was caught."""

    saw: list[str] = field(default_factory=list)
    broken: bool = False
    control: bool = False

    def expect(self, holds: bool, fact: str) -> None:  # noqa: FBT001  # a check's own verdict
        """A fact, which breaks the claim unless it holds."""
        self.broken = self.broken or not holds
        self.saw.append(fact if holds else f"NOT: {fact}")

    @property
    def verdict(self) -> Verdict:
        """A check whose control did not fire proves nothing."""
        return "fail" if self.broken or not self.control else "pass"


@dataclass(frozen=True)
class Grant:
    """A server of a tenant's account, and the credential that only this account holds."""

    tenant: str
    account: str
    server: str
    token: str
    credential: str


@dataclass
class Bench:
    """The running sandbox, the lab behind it, and the folder that the sandbox writes."""

    http: HttpClient
    origin: str
    admin: str
    folder: Path
    lab: Lab
    made: int = 0
    failures: FailureTable | None = None
    """The output of the failure run, once it was made."""

    async def manage(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str
    ) -> OutboundResponse:
        """One request to the management API, as admin unless another token is given."""
        return await self.http.send(
            OutboundRequest(
                method=method,
                url=self.origin + path,
                headers=(
                    ("Content-Type", "application/json"),
                    *((name.replace("_", "-"), value) for name, value in headers.items()),
                ),
                secret_headers=(("Authorization", f"Bearer {token or self.admin}"),),
                body=None if body is None else msgspec.json.encode(body),
            )
        )

    async def create(self, path: str, body: Any) -> dict[str, Any]:
        """POST, and the object that came of it; `CheckFailed` for anything but 201."""
        answer = await self.manage("POST", path, body)
        if answer.status != CREATED:
            raise CheckFailed(f"POST {path} answered {answer.status}")
        made: dict[str, Any] = json.loads(answer.body)
        return made

    async def grant(self, tenant: str = TENANTS[0], **config: Any) -> Grant:
        """A new account of that tenant with a credential of its own, and a server on it."""
        self.made += 1
        credential = f"evidence-credential-{self.made:04d}-{tenant}"
        account = await self.create(
            "/integrated-account",
            {
                "tenant": tenant,
                "integration": INTEGRATION,
                "name": f"account {self.made}",
                "credential_kind": "bearer",
                "credential": {"token": credential},
            },
        )
        body = {"name": f"server {self.made}", "config": config}
        server = await self.create(f"/integrated-account/{account['id']}/mcp", body)
        return Grant(tenant, account["id"], server["id"], server["token"], credential)

    async def rpc(self, token: str, method: str, params: Mapping[str, Any]) -> OutboundResponse:
        """One JSON-RPC request to the server of that token."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return await self.http.send(
            OutboundRequest(
                method="POST",
                url=f"{self.origin}/mcp/{token}",
                headers=(
                    ("Content-Type", "application/json"),
                    ("Accept", "application/json, text/event-stream"),
                    ("MCP-Protocol-Version", "2025-11-25"),
                ),
                body=msgspec.json.encode(body),
            )
        )

    async def call(self, token: str, tool: str, **arguments: Any) -> dict[str, Any]:
        """One `tools/call`; the decoded answer, with what is not JSON shown as its status."""
        answer = await self.rpc(token, "tools/call", {"name": tool, "arguments": arguments})
        return _document(answer)

    async def tools(self, token: str) -> list[str]:
        """The names that `tools/list` answers."""
        answer = _document(await self.rpc(token, "tools/list", {}))
        return [tool["name"] for tool in answer.get("result", {}).get("tools", [])]

    async def prepare(self) -> None:
        """The tenants and the integration that the checks call."""
        for tenant in TENANTS:
            await self.create("/tenant", {"id": tenant, "name": tenant.title()})
        await self.create("/integration", probe(self.lab.origin))


def _document(answer: OutboundResponse) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except ValueError:
        return {"status": answer.status}
    if not isinstance(found, dict):
        raise InternalError("The sandbox answered JSON that is no object.")
    return found
