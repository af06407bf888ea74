"""What a restored backup needs before it serves: revocations again, or every server suspended."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Final

from mcpassport.app import os_principal
from mcpassport.audit.log import event
from mcpassport.edge.api.services import Services
from mcpassport.errors import NoSuchObject, UsageError
from mcpassport.store.protocol import ALL, PLATFORM, Append
from mcpassport.store.repositories import SERVERS
from mcpassport.store.revocations import Revocation

Again = Callable[[Services, Revocation, Append], Awaitable[Any]]

AGAIN: Final[Mapping[str, tuple[str, Again]]] = MappingProxyType(
    {
        "server": (
            "server.revoke",
            lambda services, it, told: services.servers.revoke(it.tenant, it.id, [told]),
        ),
        "api_token": (
            "api_token.revoke",
            lambda services, it, told: services.api_tokens.revoke(it.tenant, it.id, [told]),
        ),
        "account": (
            "account.delete",
            lambda services, it, told: services.accounts.delete(it.tenant, it.id, [told]),
        ),
    }
)
"""Kind of a line in the revocation log -> the audit event, and how it is done again."""


async def replay(services: Services, revocations: list[Revocation]) -> int:
    """Do every revocation of the log again; how many lines there were.

    What the backup does not hold, or has as revoked, stays as it is. `UsageError` for a kind that
    this release does not know, before anything is changed.
    """
    strange = {it.kind for it in revocations} - AGAIN.keys()
    if strange:
        raise UsageError(
            f"The log holds revocations of the kind {min(strange)!r}, which this release cannot "
            "replay. Run the release that wrote it or a later one."
        )
    for it in revocations:
        action, again = AGAIN[it.kind]
        with suppress(NoSuchObject):  # made after the backup, so it is gone already
            await again(services, it, _told(services, action, it.tenant, it.id))
    await services.audit.move_outbox()
    return len(revocations)


async def suspend_all(services: Services) -> int:
    """Suspend every MCP server that is active; how many."""
    count, cursor = 0, None
    while True:
        servers, cursor = await SERVERS.page(services.store, ALL, cursor=cursor, limit=200)
        for server in servers:
            if server.status == "active":
                told = _told(services, "server.suspend", server.tenant, server.id)
                await services.servers.suspend(server.tenant, server.id, [told])
                count += 1
        if cursor is None:
            await services.audit.move_outbox()
            return count


def _told(services: Services, action: str, tenant: str, subject: str) -> Append:
    return event(
        os_principal(),
        action,
        tenant=tenant or PLATFORM,
        subject=subject,
        clock=services.clock,
        random=services.random,
    )
