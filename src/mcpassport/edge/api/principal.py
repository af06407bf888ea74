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


def acting(*roles: Role) -> Callable[[Request], Awaitable[Acting]]:
    """A dependency: authenticate, check the role, hand over the `Acting`."""

    async def dependency(request: Request) -> Acting:
        services: Services = request.app.state.services
        authenticate: Authenticate = request.app.state.authenticate
        principal = await authenticate(request)
        if principal.role not in roles:
            raise Forbidden
        return Acting(principal, services)

    return dependency


Reader = Annotated[Acting, Depends(acting(*READERS))]
PlatformReader = Annotated[Acting, Depends(acting(*PLATFORM_READERS))]
Operator = Annotated[Acting, Depends(acting(*TENANTS_AND_ADMINS))]
Admin = Annotated[Acting, Depends(acting(*ADMINS))]

Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before, unchanged")]
PageSize = Annotated[int, Query(ge=1, le=200, description="objects per page")]
TenantQuery = Annotated[str | None, Query(description="the tenant; required for an admin")]
