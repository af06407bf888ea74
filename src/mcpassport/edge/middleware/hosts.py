"""Whose name a request may call us by: the half of the defence against DNS rebinding."""

from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send
from yarl import URL

from mcpassport.edge.middleware.front import (
    EdgePolicy,
    Front,
    in_mcp_area,
    is_of_this_machine,
    values_of,
    without_port,
)
from mcpassport.errors import OriginForbidden


class Hosts:
    """Refuses a `Host` that the policy does not admit; see the table in `front`."""

    def __init__(self, app: ASGIApp, front: Front) -> None:
        self._app = app
        self._front = front
        self._listed = frozenset(front.policy.allowed_hosts)
        self._derived = _derived(front.policy)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        hosts = values_of(scope, b"host")
        if self._admits(hosts, scope["path"]):
            await self._app(scope, receive, send)
        else:
            error = OriginForbidden("This Host is not allowed (allowed_hosts).")
            await self._front.refuse(scope, send, "host", error)

    def _admits(self, hosts: list[str], path: str) -> bool:
        if not hosts:  # no browser: they always send one
            return not self._listed
        if len(hosts) > 1:  # RFC 9112, 3.2
            return False
        host = hosts[0].lower()
        if self._listed:
            listed = host in self._listed or without_port(host) in self._listed
            return listed or (not in_mcp_area(path) and is_of_this_machine(host))
        if self._derived is None:
            return True
        return without_port(host) == self._derived or is_of_this_machine(host)


def _derived(policy: EdgePolicy) -> str | None:
    """The host to expect when none is listed and we listen on loopback; None: any."""
    try:
        on_loopback = ip_address(policy.listens_on).is_loopback
    except ValueError:
        on_loopback = policy.listens_on == "localhost"
    host = URL(policy.public_url).host or ""
    return (f"[{host}]" if ":" in host else host) if on_loopback else None
