"""Links, and browsers that follow them to a real provider and back."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.support.asgi import Response
from tests.support.deployment import Deployment, notes
from tests.support.oidc import Client, Provider

CALLBACK = "http://127.0.0.1:8080/connect/callback"
VENDOR = Client("vendor", "vendor-secret-0123456789abcdef01", redirects=(CALLBACK,))
"""The vendor's app, as the provider knows it."""
SCOPES = ("read", "write")


def connected_notes(provider: Provider, origin: str, **more: Any) -> dict[str, Any]:
    """The notes, whose accounts are connected at the provider."""
    content = notes(origin)
    at = {"token_url": f"{provider.issuer}/token", "scopes": [*SCOPES], **more}
    code = {
        "kind": "oauth2_authorization_code",
        "authorize_url": f"{provider.issuer}/auth",
        **at,
    }
    machine = {"kind": "oauth2_client_credentials", **at}
    content["config"]["credentials"] = [code, machine]
    return content


def written(folder: Path, content: dict[str, Any]) -> Path:
    """An integration as a folder; JSON is YAML."""
    (folder / "docs").mkdir(parents=True)
    (folder / "integration.yaml").write_text(json.dumps(content["config"]))
    (folder / "docs" / "all.yaml").write_text(json.dumps(content["documentation"]))
    return folder


async def ready(house: Deployment, provider: Provider, origin: str, **more: Any) -> None:
    """The integration is live, and its app is known."""
    await house.push(connected_notes(provider, origin, **more))
    app = {"client_id": VENDOR.id, "client_secret": VENDOR.secret}
    answer = await house.send("PUT", "/integration/notes/oauth-app", body=app)
    assert answer.status == 200, answer.body


async def link(house: Deployment, tenant: str = "acme", **more: Any) -> dict[str, Any]:
    """A new link."""
    body = {"tenant": tenant, "integration": "notes", "name": "Notes", **more}
    made: dict[str, Any] = await house.made("/link-token", body)
    return made


def path_of(url: str) -> str:
    """The path of an address of ours."""
    return urlsplit(url).path


class Browser:
    """Keeps the cookie that it got; follows nothing by itself."""

    def __init__(self, house: Deployment) -> None:
        self._house = house
        self.cookie = ""

    async def get(self, path: str, query: str = "") -> Response:
        """One page."""
        return await self._sent("GET", path, query, {}, b"")

    async def post(self, path: str, form: Mapping[str, str] | None = None) -> Response:
        """Send a form."""
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return await self._sent("POST", path, "", kind, urlencode(form or {}).encode())

    async def follow(self, provider: Provider, made: Mapping[str, Any], **how: Any) -> Response:
        """Open a link, go on to the provider, and come back; the last page."""
        return await self.come_back(await self.leave(provider, made, **how))

    async def leave(self, provider: Provider, made: Mapping[str, Any], **how: Any) -> str:
        """Open a link and go on; where the provider sends the browser back to."""
        answer = await self.post(path_of(made["url"]))
        assert answer.status == 303, answer.body
        return provider.authorize(answer.header("location") or "", **how)

    async def come_back(self, url: str) -> Response:
        """To that address of ours."""
        parts = urlsplit(url)
        assert url.startswith(CALLBACK), url
        return await self.get(parts.path, parts.query)

    async def _sent(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        cookie = {"cookie": self.cookie} if self.cookie else {}
        answer = await self._house.visit(method, path, query, {**headers, **cookie}, body)
        given = answer.header("set-cookie")
        if given is not None:
            found = re.match(r"([^=]+=[^;]+)", given)
            assert found is not None
            self.cookie = found[1]
        return answer
