"""Who comes in at the management API, and what is recorded of those who do not.

A dead token of a tenant, or of the deployment, is refused in that chain: at most one row a second
and token, with a count. Who resolves to nobody is counted, by network. Neither is waited for.
"""

from fastapi import Request

from mcpassport.audit.edge import EdgeCounter
from mcpassport.edge.api.services import Services
from mcpassport.edge.clients import client_network, networks
from mcpassport.errors import meaning_of
from mcpassport.gate.principals import Turned
from mcpassport.records.grants import Principal


class Door:
    """Authenticates requests of the management API by their API tokens."""

    def __init__(self, services: Services, counter: EdgeCounter) -> None:
        self._services = services
        self._counter = counter
        self._trusted = networks(services.settings.trusted_proxies)

    async def __call__(self, request: Request) -> Principal:
        """The principal; `Unauthorized` for everybody else."""
        header = request.headers.get("authorization")
        found = await self._services.principals.resolve(header)
        if isinstance(found, Principal):
            return found
        self._record(request, found)
        raise found.error

    def _record(self, request: Request, turned: Turned) -> None:
        if not turned.reason:
            return
        watch = self._services.watch.metrics
        if turned.tenant is None:
            network = client_network(request.scope, request.headers, self._trusted)
            self._counter.count(turned.reason, network)
            watch.stranger(turned.reason)
            return
        entry = self._services.audit.open()
        entry.refused_token(turned.tenant, turned.token)
        status = meaning_of(type(turned.error)).http_status
        entry.refuse_later(turned.reason, http_status=status, key=turned.token_key)
        watch.refused(turned.reason)
