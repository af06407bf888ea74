"""`/connect/…`: where a link leads a customer, and where a provider sends the browser back to.

| address | answer |
|---|---|
| GET `/connect/<link token>` | who asks to connect what, with which scopes; or a form |
| POST `/connect/<link token>` | on to the provider; or the form's fields are checked and sealed |
| GET `/connect/callback` | the provider's answer: the account is active, or why it is not |

1. A link that does not hold is one page, whatever is wrong with it.
2. The page repeats nothing that was typed, and of the provider's answer nothing but a known code.
3. The cookie goes to this path only; scripts, and pages of others that post, do not get it.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send
from yarl import URL

from mcpassport.accounts.connecting import CALLBACK, endpoints
from mcpassport.accounts.links import Opened
from mcpassport.audit.log import event
from mcpassport.edge.api.services import Services
from mcpassport.edge.asgi import Header, headers_of
from mcpassport.edge.bodies import Disconnected, read_body
from mcpassport.edge.pages.connect_page import Content, policy, render
from mcpassport.errors import (
    InvalidInput,
    McpassportError,
    NoSuchObject,
    StoreUnavailable,
    UpstreamRejected,
)
from mcpassport.records.grants import Link, OAuthGrant, Principal
from mcpassport.records.integration import Credential, Integration
from mcpassport.reference.vendor import Vendor
from mcpassport.store.protocol import Append

AREA: Final = "/connect/"
COOKIE: Final = "mcpassport_connect"
BODY_BYTES: Final = 64 * 1024
BODY_S: Final = 10.0
FIELDS: Final = 50
_COOKIE_S: Final = 600
_DENIED: Final = frozenset({"access_denied", "interaction_required", "login_required"})

_EXPIRED: Final = Content(
    "This link does not hold",
    ("It was used, or its time is over. Ask whoever sent it for a new one.",),
)
_CONNECTED: Final = Content("Connected", ("You can close this page.",))


class Page(NamedTuple):
    """A page with its status, and where it leads on to."""

    status: int
    content: Content
    provider: str = ""
    headers: tuple[Header, ...] = ()


class ConnectPages:
    """Serves the pages."""

    def __init__(self, services: Services, vendor: Vendor) -> None:
        self._services = services
        self._vendor = vendor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request below `/connect/`."""
        try:
            page = await self._page(scope, receive)
        except (NoSuchObject, TimeoutError):  # (1)
            page = Page(404, _EXPIRED)
        except StoreUnavailable:
            page = Page(503, Content("Not now", ("Try again in a moment.",)))
        except McpassportError:
            page = Page(400, Content("This did not work", ("Open the link again.",)))
        except Disconnected:
            return
        await self._answer(page, send, head=scope["method"] == "HEAD")

    async def _page(self, scope: Scope, receive: Receive) -> Page:
        path, method = scope["path"], scope["method"]
        allowed = ("GET", "HEAD") if path == CALLBACK else ("GET", "HEAD", "POST")
        if method not in allowed:
            content = Content("Not like this", ("Open the link in a browser.",))
            return Page(405, content, headers=((b"allow", ", ".join(allowed).encode()),))
        headers = headers_of(scope["headers"])
        if path == CALLBACK:
            return await self._callback(scope["query_string"], headers)
        opened = await self._services.connecting.open(path.removeprefix(AREA))
        integration, credential = await self._declared(opened.link)
        if method != "POST":
            return Page(200, _asking(opened.link, integration, credential), _origin(credential))
        if credential.oauth is not None and credential.oauth.authorize_url:
            return await self._depart(opened, integration)
        body = await read_body(receive, headers, cap=BODY_BYTES, timeout_s=BODY_S)
        return await self._submitted(opened, integration, credential, body)

    async def _depart(self, opened: Opened, integration: Integration) -> Page:
        at = endpoints(integration, opened.link.credential_kind)
        url, departure = await self._services.connecting.depart(opened, at)
        secure = "; Secure" if self._services.settings.public_url.startswith("https:") else ""
        cookie = (  # (3)
            f"{COOKIE}={departure.cookie}; Path={AREA}; Max-Age={_COOKIE_S}; HttpOnly; "
            f"SameSite=Lax{secure}"
        )
        headers = ((b"location", url.encode()), (b"set-cookie", cookie.encode()))
        return Page(303, Content("On to the provider"), headers=headers)

    async def _callback(self, query: bytes, headers: Mapping[str, str]) -> Page:
        given = _given(query)
        services = self._services
        opened, asked = await services.links.answered(
            given.get("state", ""), _cookie(headers.get("cookie", ""))
        )
        if "code" not in given:  # (2)
            denied = given.get("error") in _DENIED
            told = "Access was not granted." if denied else "The provider reported an error."
            return Page(400, Content("Not connected", (told, "Open the link again to try anew.")))
        integration, _ = await self._declared(opened.link)
        try:
            grant, fields = await services.connecting.arrive(
                opened, asked.sealed_verifier, given["code"], integration
            )
        except UpstreamRejected:
            told = "The provider granted no access. Open the link again to try anew."
            return Page(502, Content("Not connected", (told,)))
        return await self._finished(opened, integration, fields, grant)

    async def _submitted(
        self, opened: Opened, integration: Integration, credential: Credential, body: bytes
    ) -> Page:
        try:
            return await self._finished(opened, integration, _given(body), None)
        except InvalidInput as error:  # (2)
            content = _asking(opened.link, integration, credential)
            told = [problem.message for problem in error.problems] or [error.detail or ""]
            return Page(400, content._replace(problems=told))

    async def _finished(
        self,
        opened: Opened,
        integration: Integration,
        fields: Mapping[str, str],
        grant: OAuthGrant | None,
    ) -> Page:
        told = self._told(opened.link)
        await self._services.connecting.finish(opened, integration, fields, grant, [told])
        await self._services.audit.move_outbox()
        return Page(200, _CONNECTED)

    def _told(self, link: Link) -> Append:
        """The event, in the name of the link: who opened it is known to the provider only."""
        return event(
            Principal(f"link:{link.by}", "tenant", link.tenant),
            "account.reconnect" if link.reconnect else "account.create",
            tenant=link.tenant,
            subject=link.account,
            clock=self._services.clock,
            random=self._services.random,
        )

    async def _declared(self, link: Link) -> tuple[Integration, Credential]:
        """The live integration and the kind of credential that the link is for."""
        head = await self._services.versions.head(link.integration)
        if head is None:
            raise NoSuchObject
        integration = await self._services.versions.integration(head)
        for each in integration.credentials:
            if each.kind == link.credential_kind:
                return integration, each
        raise NoSuchObject

    async def _answer(self, page: Page, send: Send, *, head: bool) -> None:
        body = b"" if page.status == 303 else render(page.content, self._vendor)  # noqa: PLR2004
        headers: list[Header] = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"content-security-policy", policy(self._vendor, page.provider).encode()),
            *page.headers,
        ]
        await send({"type": "http.response.start", "status": page.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else body})


def _given(text: bytes) -> dict[str, str]:
    """The values of a query or a form, each by its name; `InvalidInput` if it is none.

    A name that comes twice is left out: nobody can say which is meant.
    """
    try:
        found = parse_qs(
            text.decode("utf-8"), keep_blank_values=True, max_num_fields=FIELDS, errors="strict"
        )
    except ValueError:
        raise InvalidInput("The form cannot be read.") from None
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _asking(link: Link, integration: Integration, credential: Credential) -> Content:
    what = "again" if link.reconnect else f"as {link.name!r}"
    title = f"Connect {integration.label} {what}"
    if credential.oauth is not None and credential.oauth.authorize_url:
        line = f"You go on to {URL(credential.oauth.authorize_url).host}, where you allow it."
        return Content(title, (line,), scopes=link.scopes, button="Go on")
    line = "What you enter is sealed, used for calls of this account, and never shown again."
    return Content(title, (line,), fields=credential.fields, button="Connect")


def _origin(credential: Credential) -> str:
    at = credential.oauth
    return str(URL(at.authorize_url).origin()) if at is not None and at.authorize_url else ""


def _cookie(header: str) -> str:
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""
