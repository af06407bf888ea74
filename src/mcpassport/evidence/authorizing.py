"""A provider of upstream accounts that the lab plays, and a browser that goes there and back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from mcpassport.evidence.bench import Bench, Grant
from mcpassport.evidence.finding import CheckFailed
from mcpassport.evidence.probe import INTEGRATION, probe
from mcpassport.evidence.upstream import Says, Seen
from mcpassport.records.calls import OutboundResponse

KIND: Final = "oauth2_authorization_code"
ALWAYS: Final = "evidence.always"
READ: Final = "evidence.read"
WRITE: Final = "evidence.write"
TTL_S: Final = 3600
OK: Final = 200
LEFT: Final = 303
_PUSHED: Final = (200, 201)
_FORM: Final = (("Content-Type", "application/x-www-form-urlencoded"),)


@dataclass
class Authorizing:
    """One provider, with an integration of its own: accounts of earlier ones do not come here."""

    bench: Bench
    name: str = field(default_factory=lambda: f"evidenceoauth{token_hex(4)}")
    access: str = ""
    """The access token that it gave last."""
    refresh: str = ""
    """The refresh token that it gave last."""
    brought: str = ""
    """The one before: what a renewal brings."""

    @property
    def _path(self) -> str:
        return f"/{self.name}/token"

    def tool(self, name: str) -> str:
        """What a tool of the probe is called here."""
        return name.replace(INTEGRATION, self.name)

    async def prepare(self) -> None:
        """The integration is live and its app is known."""
        pushed = await self.bench.manage("POST", "/integration", self._content())
        app = {"client_id": "evidence", "client_secret": self.bench.canary("app-secret")}
        put = await self.bench.manage("PUT", f"/integration/{self.name}/oauth-app", app)
        if pushed.status not in _PUSHED or put.status != OK:
            raise CheckFailed(f"the integration was refused: {pushed.status}, {put.status}")

    def _content(self) -> dict[str, Any]:
        text = msgspec.json.encode(probe(self.bench.lab.origin))
        made: dict[str, Any] = msgspec.json.decode(
            text.replace(INTEGRATION.encode(), self.name.encode())
        )
        origin, config = self.bench.lab.origin, made["config"]
        config["credentials"] = [
            {
                "kind": KIND,
                "authorize_url": f"{origin}/{self.name}/authorize",
                "token_url": origin + self._path,
                "scopes": [ALWAYS],
            }
        ]
        for resource in config["resources"].values():
            for method in resource["methods"].values():
                method["scopes"] = [READ if method["http"] == "GET" else WRITE]
        return made

    def grants(self, *, scope: str | None = None, fault: str = "plain") -> Says:
        """The next answer of its token endpoint: a new pair of tokens, unless a fault eats it."""
        self.access = f"access-{token_hex(16)}"
        self.brought, self.refresh = self.refresh, f"refresh-{token_hex(16)}"
        body: dict[str, Any] = {
            "access_token": self.access,
            "refresh_token": self.refresh,
            "token_type": "Bearer",
            "expires_in": TTL_S,
        }
        if scope is not None:
            body["scope"] = scope
        return Says(path=self._path, body=json.dumps(body).encode(), fault={"kind": fault})

    def refuses(self, status: int) -> Says:
        """The next answer of its token endpoint: not now."""
        return Says(path=self._path, status=status, body=b"{}")

    def asked(self, seen: Sequence[Seen]) -> list[dict[str, str]]:
        """The token requests among what came in, as forms."""
        return [dict(parse_qsl(each.body.decode())) for each in seen if each.target == self._path]

    def renewals(self, seen: Sequence[Seen]) -> int:
        """How many token requests brought the refresh token."""
        return sum(form.get("refresh_token") == self.brought for form in self.asked(seen))

    async def link(self, tenant: str, **more: Any) -> dict[str, Any]:
        """A link for an account of that tenant; `path` is where it leads."""
        body = {"tenant": tenant, "integration": self.name, "name": "connected", **more}
        made = await self.bench.create("/link-token", body)
        return {**made, "path": urlsplit(made["url"]).path}

    async def connected(self) -> Grant:
        """A server on an account that was connected here just now."""
        tenant = await self.bench.tenant()
        made = await self.link(tenant)
        gone = await depart(self.bench, made)
        await self.bench.lab.answer(self.grants(), Says())
        back = await arrive(self.bench, gone.cookie, gone.back())
        if back.status != OK:
            raise CheckFailed(f"GET /connect/callback answered {back.status}")
        return await self.bench.grant(tenant, made["account"])


def called(seen: Sequence[Seen]) -> list[Seen]:
    """What the API itself saw."""
    return [each for each in seen if not each.target.endswith("/token")]


@dataclass(frozen=True)
class Departure:
    """What a browser took along to the provider."""

    query: Mapping[str, str]
    cookie: str

    def back(self, **changed: str) -> str:
        """The address that the provider sends it back to."""
        given = {"code": f"code-{token_hex(8)}", "state": self.query["state"], **changed}
        return f"/connect/callback?{urlencode(given)}"


async def depart(bench: Bench, made: Mapping[str, Any]) -> Departure:
    """Open the link and go on; `CheckFailed` if it leads nowhere."""
    answer = await bench.send("POST", made["path"], _FORM, b"")
    location, cookie = answer.header("location"), answer.header("set-cookie")
    if answer.status != LEFT or location is None or cookie is None:
        raise CheckFailed(f"POST /connect/… answered {answer.status}")
    return Departure(dict(parse_qsl(urlsplit(location).query)), cookie.partition(";")[0])


async def arrive(bench: Bench, cookie: str, address: str) -> OutboundResponse:
    """Come back with that cookie."""
    return await bench.send("GET", address, (("Cookie", cookie),))
