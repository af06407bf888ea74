"""A whole deployment in this process: real files, the composed app, a clock that tests move."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

import msgspec
from starlette.types import ASGIApp
from tests.support.asgi import Response, request
from tests.support.calling import legacy, legacy_headers
from tests.support.stores import SteppingClock

from mcpassport.app import open_application, open_services
from mcpassport.audit.chain import verify
from mcpassport.edge.api.services import Services
from mcpassport.gate.api_tokens import TokenDraft
from mcpassport.integrations.load import load_folder
from mcpassport.observe.requests import Watch
from mcpassport.records.audit import AuditRow
from mcpassport.records.grants import Principal
from mcpassport.records.masked import KeyMaterial
from mcpassport.settings import Settings

NOTES = Path(__file__).parents[1] / "fixtures" / "integrations" / "notes"
CREDENTIAL = "nt_plantedcredential0"
"""What the accounts of these deployments bring; no answer may ever hold it."""
CLI = Principal("cli:test", "admin")

CALLERS: dict[str, tuple[Any, str]] = {
    "admin": ("admin", ""),
    "auditor": ("auditor", ""),
    "acme": ("tenant", "acme"),
    "globex": ("tenant", "globex"),
    "acme auditor": ("auditor", "acme"),
    "factor": ("factor", "acme"),
}
"""Name of a caller in tests -> role and tenant of its API token."""


def notes(origin: str = "https://api.notes.example/v1") -> dict[str, Any]:
    """The content of the notes integration, with its API at that address."""
    content: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(load_folder(NOTES).content))
    content["config"]["base_url"] = origin
    return content


@dataclass
class Deployment:
    """The app with its parts, and one API token per kind of caller."""

    services: Services
    app: ASGIApp
    clock: SteppingClock
    tokens: dict[str, str] = field(default_factory=dict)

    async def settle(self) -> None:
        """Two tenants, and a token for each caller."""
        for tenant in ("acme", "globex"):
            await self.services.tenants.create(tenant, tenant.title(), [])
        for name, (role, tenant) in CALLERS.items():
            draft = TokenDraft(
                id=f"tok_{name.replace(' ', '_')}", tenant=tenant, role=role, name=name
            )
            _, self.tokens[name] = await self.services.api_tokens.create(draft, CLI)

    async def send(  # everything that a request is made of
        self,
        method: str,
        path: str,
        *,
        caller: str | None = "admin",
        body: Any = None,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        query: Any = (),
    ) -> Response:
        """One request to the app; `body` is sent as JSON, `raw` as it is."""
        sent = {} if caller is None else {"authorization": f"Bearer {self.tokens[caller]}"}
        content = raw
        if body is not None:
            content = msgspec.json.encode(body)
        if content is not None:
            sent["content-type"] = "application/json"
        answer = await request(
            self.app,
            unquote(path),
            method=method,
            headers={**sent, **(headers or {})},
            body=content or b"",
            query=urlencode(query, doseq=True),
        )
        assert answer is not None
        return answer

    async def visit(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        """One request as a browser sends it."""
        answer = await request(
            self.app, path, method=method, headers=headers, body=body, query=query
        )
        assert answer is not None
        return answer

    async def made(self, path: str, body: Any, *, caller: str = "admin", **more: Any) -> Any:
        """POST, and what came of it; anything but 201 fails."""
        answer = await self.send("POST", path, body=body, caller=caller, **more)
        assert answer.status == 201, answer.body
        return answer.json()

    async def read(self, path: str, *, caller: str = "admin", **query: Any) -> Any:
        """GET, and what came of it; anything but 200 fails."""
        answer = await self.send("GET", path, caller=caller, query=query)
        assert answer.status == 200, answer.body
        return answer.json()

    async def push(self, content: dict[str, Any] | None = None) -> Any:
        """Push an integration, the notes unless another is given."""
        return await self.made("/integration", content or notes())

    async def account(self, tenant: str = "acme", **more: Any) -> str:
        """An account on the notes integration; its id."""
        body = {
            "tenant": tenant,
            "integration": "notes",
            "name": "Notes",
            "credential_kind": "bearer",
            "credential": {"token": CREDENTIAL},
        }
        return str((await self.made("/integrated-account", {**body, **more}))["id"])

    async def server(self, account: str, **body: Any) -> Any:
        """An MCP server of that account, as its creation shows it."""
        return await self.made(f"/integrated-account/{account}/mcp", {"name": "agent", **body})

    async def mcp(
        self, url_path: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> Response:
        """One request to the MCP endpoint."""
        sent = {"content-type": "application/json", **(headers or legacy_headers())}
        answer = await request(self.app, url_path, headers=sent, body=body)
        assert answer is not None
        return answer

    async def tools(self, server: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What `tools/list` of a server answers."""
        answer = await self.mcp(f"/mcp/{server['token']}", legacy("tools/list"))
        assert answer.status == 200, answer.body
        tools: list[dict[str, Any]] = answer.json()["result"]["tools"]
        return tools

    async def rows(self, chain: str = "") -> list[AuditRow]:
        """A chain's rows, oldest first, once it has been verified."""
        await self.services.audit.flush()
        chained = await self.services.audit.rows(chain, limit=1000)
        assert verify(chained) is None
        return [msgspec.json.decode(row.body, type=AuditRow) for row in chained]

    def files(self) -> bytes:
        """Every byte of the data folder."""
        folder = self.services.settings.data_dir
        return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


@asynccontextmanager
async def deployment(tmp_path: Path, **settings: Any) -> AsyncIterator[Deployment]:
    """A deployment in that folder, with two tenants (acme, globex) and a token per caller.

    `watch` among the settings replaces what observes it.
    """
    watch: Watch | None = settings.pop("watch", None)
    clock = SteppingClock()
    usual: dict[str, Any] = {
        "data_dir": tmp_path / "data",
        "master_key": KeyMaterial(secrets.token_bytes(32)),
    }
    chosen = Settings(**{**usual, **settings})
    async with (
        open_services(chosen, clock=clock, watch=watch) as services,
        open_application(services) as app,
    ):
        house = Deployment(services, app, clock)
        await house.settle()
        yield house
