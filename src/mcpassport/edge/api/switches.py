"""`/switch`: the kill switches. Admins turn them; auditors see them.

What is turned off is also a line of the revocation log, and so is what is turned on again: a
restored backup forgets neither.
"""

from datetime import datetime
from typing import Self

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, model_validator

from mcpassport.edge.api.incoming import Incoming
from mcpassport.edge.api.outgoing import PageOf
from mcpassport.edge.api.principal import Acting, Admin, Cursor, PageSize, PlatformReader
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.errors import NoSuchObject
from mcpassport.gate.switches import switch_id
from mcpassport.records.grants import Switch, SwitchScope
from mcpassport.store.protocol import PLATFORM, Append

router = APIRouter(prefix="/switch", tags=["switch"], route_class=StrictRoute)


class SwitchIn(Incoming):
    """What to turn off: everything, an integration, or a tenant."""

    scope: SwitchScope
    name: str = Field(default="", max_length=64, description="of the integration or the tenant")
    reason: str = Field(default="", max_length=500, description="for whoever looks at it later")

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.scope == "all") == bool(self.name):
            raise ValueError("name says which integration or tenant; for `all` it is left out")
        return self


class SwitchOut(BaseModel):
    """A switch that is off."""

    id: str
    scope: SwitchScope
    name: str
    reason: str
    by: str
    since: datetime

    @classmethod
    def of(cls, switch: Switch) -> "SwitchOut":
        """From the record."""
        return cls(
            id=switch.id,
            scope=switch.scope,
            name=switch.name,
            reason=switch.reason,
            by=switch.by,
            since=switch.since,
        )


@router.post("", status_code=201)
async def off(body: SwitchIn, acting: Admin) -> SwitchOut:
    """Turn a switch off: calls of that scope are refused from the next request on."""
    services = acting.services
    if body.scope == "tenant":
        await services.tenants.get(body.name)
    if body.scope == "integration" and await services.versions.head(body.name) is None:
        raise NoSuchObject(f"No integration {body.name!r}.")
    switch = await services.switches.off(
        body.scope,
        body.name,
        by=acting.principal.id,
        reason=body.reason,
        extra=[_told(acting, "switch.off", switch_id(body.scope, body.name))],
    )
    await acting.revoked("switch", PLATFORM, switch.id)
    await acting.recorded()
    return SwitchOut.of(switch)


@router.get("")
async def page(
    acting: PlatformReader, cursor: Cursor = None, limit: PageSize = 50
) -> PageOf[SwitchOut]:
    """List the switches that are off."""
    switches, following = await acting.services.switches.page(cursor, limit)
    return PageOf(result=[SwitchOut.of(each) for each in switches], next_cursor=following)


@router.delete("/{switch_id}", status_code=204)
async def on(switch_id: str, acting: Admin) -> Response:
    """Turn a switch on again: calls of its scope are served from the next request on."""
    services = acting.services
    await services.switches.on(switch_id, [_told(acting, "switch.on", switch_id)])
    await acting.revoked("switch_on", PLATFORM, switch_id)
    await acting.recorded()
    return Response(status_code=204)


def _told(acting: Acting, action: str, switch: str) -> Append:
    """The event, in the chain of the tenant whose switch it is."""
    scope, _, name = switch.partition(":")
    return acting.event(action, switch, name if scope == "tenant" else PLATFORM)
