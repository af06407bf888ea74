"""Who asks, what the role opens, and which tenant it is about."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from fastapi import Depends, Query, Request

from mcpassport.audit.log import event
from mcpassport.edge.api.services import Services
from mcpassport.errors import Forbidden, InvalidInput, NoSuchObject
from mcpassport.records.grants import Account, Principal, Role
from mcpassport.store.protocol import ALL, PLATFORM, Append
from mcpassport.store.repositories import ACCOUNTS
from mcpassport.store.revocations import Revocation

Authenticate: TypeAlias = Callable[[Request], Awaitable[Principal]]

READERS: tuple[Role, ...] = ("admin", "tenant", "auditor")
TENANTS_AND_ADMINS: tuple[Role, ...] = ("admin", "tenant")
ADMINS: tuple[Role, ...] = ("admin",)
PLATFORM_READERS: tuple[Role, ...] = ("admin", "auditor")


@dataclass(frozen=True, slots=True)
class Acting:
    """A principal at work on one request."""

    principal: Principal
    services: Services

    def event(self, action: str, subject: str, tenant: str = PLATFORM) -> Append:
        """The audit event of a change, to be written in the same transaction."""
        return event(
            self.principal,
            action,
            tenant=tenant,
            subject=subject,
            clock=self.services.clock,
            random=self.services.random,
        )

    async def recorded(self) -> None:
        """Wait until the events of this request are in their chain."""
        await self.services.audit.move_outbox()

    async def revoked(self, kind: str, tenant: str, subject: str, token_hash: str = "") -> None:
        """Write the revocation log before the answer, after the store; `StoreUnavailable`."""
        line = Revocation(
            ts=self.services.clock(), kind=kind, tenant=tenant, id=subject, token_hash=token_hash
        )
        await self.services.revocations.append(line)

    def tenant(self, named: str | None) -> str:
        """The tenant a request is about: a tenant's own, or the one an admin names."""
        own = self.principal.tenant
        if own:
            if named not in {None, own}:
                raise NoSuchObject("No such tenant.")
            return own
        if not named:
            raise InvalidInput("Name the tenant: this API token belongs to none.")
        return named

    async def existing_tenant(self, named: str | None) -> str:
        """The same, when it exists; `NoSuchObject` otherwise, so that a slip is no empty list."""
        return (await self.services.tenants.get(self.tenant(named))).id

    async def account(self, account_id: str) -> Account:
        """An account that this principal may see, found by its id alone; else `NoSuchObject`."""
        own = self.principal.tenant
        if own:
            return await self.services.accounts.get(own, account_id)
        found, _ = await ACCOUNTS.page(
            self.services.store, ALL, index="account", value=account_id, limit=1
        )
        if not found:
            raise NoSuchObject("No such integrated account.")
        return found[0]


class Guard:
    """A dependency: authenticate, check the role, hand over the `Acting`.

    `StrictRoute` calls it before it reads a body, so a stranger's body is never parsed.
    """

    def __init__(self, *roles: Role, platform: bool = False) -> None:
        self._roles = roles
        self._platform = platform

    async def __call__(self, request: Request) -> Acting:
        """Who is acting; decided once per request."""
        known: Acting | None = getattr(request.state, "acting", None)
        if known is not None:
            return known
        services: Services = request.app.state.services
        authenticate: Authenticate = request.app.state.authenticate
        principal = await authenticate(request)
        if principal.role not in self._roles or (self._platform and principal.tenant):
            raise Forbidden
        found = Acting(principal, services)
        request.state.acting = found
        return found


Reader = Annotated[Acting, Depends(Guard(*READERS))]
PlatformReader = Annotated[Acting, Depends(Guard(*PLATFORM_READERS, platform=True))]
Operator = Annotated[Acting, Depends(Guard(*TENANTS_AND_ADMINS))]
Admin = Annotated[Acting, Depends(Guard(*ADMINS, platform=True))]

Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before, unchanged")]
PageSize = Annotated[int, Query(ge=1, le=200, description="objects per page")]
TenantQuery = Annotated[str | None, Query(description="the tenant; required for an admin")]
