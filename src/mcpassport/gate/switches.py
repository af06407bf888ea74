"""Kill switches: one for everything, one for each integration, one for each tenant.

A switch that is off is a record; admission reads the three that concern a request with its grant,
so that it holds from the next request on in every process. It refuses calls and nothing else: the
management API goes on, and what is switched on again serves as before.
"""

from collections.abc import Sequence
from typing import Final

from mcpassport.errors import Conflict, NoSuchObject
from mcpassport.records.grants import Switch, SwitchScope
from mcpassport.records.sources import Clock
from mcpassport.store.protocol import ABSENT, PLATFORM, Delete, EtagConflict, Key, Op, Store
from mcpassport.store.repositories import SWITCHES, ending

EVERYTHING: Final = "all"


def switch_id(scope: SwitchScope, name: str = "") -> str:
    """Its id: `all`, `integration:<name>` or `tenant:<id>`."""
    return EVERYTHING if scope == EVERYTHING else f"{scope}:{name}"


def switch_keys(tenant: str, integration: str) -> list[Key]:
    """Where the switches stand that a request of that tenant and integration depends on."""
    return [
        SWITCHES.key(PLATFORM, EVERYTHING),
        SWITCHES.key(PLATFORM, switch_id("integration", integration)),
        SWITCHES.key(PLATFORM, switch_id("tenant", tenant)),
    ]


class Switches:
    """The owner of the switches. `extra` always joins the same transaction."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def off(
        self, scope: SwitchScope, name: str, *, by: str, reason: str = "", extra: Sequence[Op] = ()
    ) -> Switch:
        """Stop calls of that scope from the next request on; one that is off stays as it is."""
        switch = Switch(
            id=switch_id(scope, name), scope=scope, name=name, by=by, reason=reason,
            since=self._clock(),
        )  # fmt: skip
        found = await SWITCHES.get(self._store, PLATFORM, switch.id)
        if found is not None:
            return found[0]
        try:
            await self._store.write(
                [SWITCHES.put(switch), ending(), *extra],
                {SWITCHES.key(PLATFORM, switch.id): ABSENT},
            )
        except EtagConflict:  # somebody else was first
            return await self.get(switch.id)
        return switch

    async def on(self, switch: str, extra: Sequence[Op] = ()) -> None:
        """Let calls through again; `NoSuchObject` where that switch is not off."""
        found = await SWITCHES.get(self._store, PLATFORM, switch)
        if found is None:
            raise NoSuchObject("No switch of that id is off.")
        key = SWITCHES.key(PLATFORM, switch)
        try:
            await self._store.write([Delete(key), *extra], {key: found[1]})
        except EtagConflict:
            raise Conflict from None

    async def get(self, switch: str) -> Switch:
        """A switch that is off; `NoSuchObject` otherwise."""
        found = await SWITCHES.get(self._store, PLATFORM, switch)
        if found is None:
            raise NoSuchObject("No switch of that id is off.")
        return found[0]

    async def page(
        self, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[Switch], str | None]:
        """The switches that are off, in id order."""
        return await SWITCHES.page(self._store, PLATFORM, cursor=cursor, limit=limit)
