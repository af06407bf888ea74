"""Who comes in at the management API, and what is recorded of those who do not.

A dead token of a tenant, or of the deployment, is refused in that chain: at most one row a second
and token, with a count. Who resolves to nobody is counted, by network. Neither is waited for.

A network that is refused too often has to wait, before anything is looked up for it; a token that
this process admitted within the last hour does not, since it may share its network with a stranger.
"""

from typing import Final

from fastapi import Request

from mcpassport.audit.edge import EdgeCounter
from mcpassport.edge.api.services import Services
from mcpassport.edge.clients import client_network, networks
from mcpassport.edge.floods import Floods
from mcpassport.errors import GatewayRateLimited, meaning_of
from mcpassport.gate.principals import Turned
from mcpassport.records.grants import Principal

_TOO_OFTEN: Final = "Requests from this network were refused too often; wait."


class Door:
    """Authenticates requests of the management API by their API tokens."""

    def __init__(self, services: Services, counter: EdgeCounter, floods: Floods) -> None:
        self._services = services
        self._counter = counter
        self._refused = floods.refused
        self._familiar = floods.familiar
        self._trusted = networks(services.settings.trusted_proxies)

    async def __call__(self, request: Request) -> Principal:
        """The principal; `Unauthorized` for everybody else, or `GatewayRateLimited`."""
        header = request.headers.get("authorization")
        network = client_network(request.scope, request.headers, self._trusted)
        wait = self._refused.wait(network)
        if wait is not None and not self._familiar.knows(header or ""):
            raise GatewayRateLimited(_TOO_OFTEN, after_seconds=wait)
        found = await self._services.principals.resolve(header)
        if isinstance(found, Principal):
            self._familiar.remember(header or "")
            return found
        self._record(network, found)
        raise found.error

    def _record(self, network: str, turned: Turned) -> None:
        if not turned.reason:
            return
        self._refused.take(network)
        watch = self._services.watch.metrics
        if turned.tenant is None:
            self._counter.count(turned.reason, network)
            watch.stranger(turned.reason)
            return
        entry = self._services.audit.open()
        entry.refused_token(turned.tenant, turned.token)
        status = meaning_of(type(turned.error)).http_status
        entry.refuse_later(turned.reason, http_status=status, key=turned.token_key)
        watch.refused(turned.reason)
