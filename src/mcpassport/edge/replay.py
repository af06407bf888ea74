"""Revocations that the store does not know, done again: from a log that outlived it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Final

import msgspec
import structlog

from mcpassport.audit.log import event
from mcpassport.edge.api.services import Services
from mcpassport.errors import NoSuchObject, UsageError
from mcpassport.records.grants import Principal, SwitchScope
from mcpassport.store.protocol import PLATFORM, Append
from mcpassport.store.revocations import Revocation

_log = structlog.get_logger(__name__)

Again = Callable[[Services, Revocation, Append], Awaitable[Any]]

LOG: Final = Principal("system:revocation-log", "admin")
"""Who acts when a start finds that the store was set back."""


async def _switch_off(services: Services, it: Revocation, told: Append) -> None:
    scope, _, name = it.id.partition(":")
    kind = msgspec.convert(scope, SwitchScope)
    await services.switches.off(kind, name, by=LOG.id, extra=[told])


async def _offboard(services: Services, it: Revocation, told: Append) -> None:
    await services.offboarding.begin(it.id, [told])
    await services.offboarding.finish(it.id, LOG)


AGAIN: Final[Mapping[str, tuple[str, Again]]] = MappingProxyType(
    {
        "server": (
            "server.revoke",
            lambda services, it, told: services.servers.revoke(it.tenant, it.id, [told]),
        ),
        "server_token": (
            "server.rotate",
            lambda services, it, told: services.servers.forget_token(
                it.tenant, it.id, it.token_hash, [told]
            ),
        ),
        "api_token": (
            "api_token.revoke",
            lambda services, it, told: services.api_tokens.revoke(it.tenant, it.id, [told]),
        ),
        "switch": ("switch.off", _switch_off),
        "switch_on": (
            "switch.on",
            lambda services, it, told: services.switches.on(it.id, [told]),
        ),
        "tenant": ("tenant.offboard", _offboard),
        "account": (
            "account.delete",
            lambda services, it, told: services.accounts.delete(it.tenant, it.id, [told]),
        ),
    }
)
"""Kind of a line in the revocation log -> the audit event, and how it is done again."""


async def replay(
    services: Services, revocations: Sequence[Revocation], principal: Principal
) -> int:
    """Do every revocation again; how many there were.

    What the store does not hold, or has as revoked, stays as it is. `UsageError` for a kind that
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
            await again(services, it, told(services, action, it.tenant, it.id, principal))
    await services.audit.move_outbox()
    return len(revocations)


async def catch_up(services: Services) -> None:
    """Do again what this machine's own log holds and the store has forgotten, before serving.

    A database that its own tools set back carries no mark; its machines still know.
    """
    forgotten = await services.revocations.forgotten()
    if forgotten:
        count = await replay(services, forgotten, LOG)
        await services.revocations.remembered()
        _log.warning("revocations_replayed", count=count)


def told(
    services: Services, action: str, tenant: str, subject: str, principal: Principal
) -> Append:
    """The audit event of something that is done again."""
    return event(
        principal,
        action,
        tenant=tenant or PLATFORM,
        subject=subject,
        clock=services.clock,
        random=services.random,
    )
