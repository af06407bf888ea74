"""What the middleware works with: what the settings admit, and how a refusal is told and counted.

| area | addresses | `Origin` | `Host` |
|---|---|---|---|
| mcp | `/mcp/…`, `/.well-known/…` | listed ones | listed ones |
| managed | everything else | our own | listed ones, and names of this machine |

Without a list of hosts, a deployment that listens on loopback answers to the host of its
`public_url` and to names of this machine; one that listens elsewhere answers to any.
"""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

import msgspec
from msgspec import Struct
from starlette.types import Scope, Send
from yarl import URL

from mcpassport.audit.edge import EdgeCounter
from mcpassport.edge.api.problems import MEDIA_TYPE, problem_body, status_of
from mcpassport.edge.api.services import Services
from mcpassport.edge.asgi import Header, headers_of, respond
from mcpassport.edge.clients import client_network, networks
from mcpassport.edge.draining import Draining
from mcpassport.edge.refusals import refusal
from mcpassport.errors import McpassportError

_MCP_AREA: Final = ("/mcp/", "/.well-known/")


class EdgePolicy(Struct, frozen=True, kw_only=True):
    """What the settings say of who may ask."""

    public_url: str = "http://127.0.0.1:8080"
    listens_on: str = "127.0.0.1"
    allowed_origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()

    @property
    def own_origin(self) -> str:
        """The origin of pages that this deployment serves itself."""
        return str(URL(self.public_url).origin())


@dataclass(frozen=True, slots=True)
class Front:
    """Handed to every middleware."""

    policy: EdgePolicy
    draining: Draining
    count: Callable[[str, Scope], None]
    """Count a request that was refused, by reason; never awaited."""

    async def refuse(self, scope: Scope, send: Send, reason: str, error: McpassportError) -> None:
        """Count, and answer as that area answers."""
        self.count(reason, scope)
        if in_mcp_area(scope["path"]):
            await respond(send, refusal(error))
            return
        body = msgspec.json.encode(problem_body(error))
        headers = [_PROBLEM, (b"content-length", b"%d" % len(body))]
        start = {"type": "http.response.start", "status": status_of(error), "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": body})


def front_of(services: Services, counter: EdgeCounter) -> Front:
    """What the settings of this process say."""
    settings, metrics = services.settings, services.watch.metrics
    trusted = networks(settings.trusted_proxies)

    def count(reason: str, scope: Scope) -> None:
        counter.count(reason, client_network(scope, headers_of(scope["headers"]), trusted))
        metrics.stranger(reason)

    policy = EdgePolicy(
        public_url=settings.public_url,
        listens_on=settings.host,
        allowed_origins=settings.allowed_origins,
        allowed_hosts=settings.allowed_hosts,
    )
    return Front(policy, services.readiness.draining, count)


_PROBLEM: Final[Header] = (b"content-type", MEDIA_TYPE.encode())


def in_mcp_area(path: str) -> bool:
    """Whether MCP clients ask there; decided by nothing that is secret."""
    return path.startswith(_MCP_AREA)


def values_of(scope: Scope, name: bytes) -> list[str]:
    """The values of a header, one for each time that it came (ASGI: names are lower case)."""
    return [value.decode("latin-1").strip() for key, value in scope["headers"] if key == name]


def without_port(host: str) -> str:
    """The name or address in a `Host`, brackets kept."""
    head, colon, port = host.rpartition(":")
    return head if colon and port.isdecimal() else host


def is_of_this_machine(host: str) -> bool:
    """`localhost`, or an address: a page of another site cannot make a browser send these."""
    name = without_port(host)
    if name == "localhost":
        return True
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
