"""Calls under way, and their end when the grant under them is ended or stopped.

Whoever ends a grant (revocation, suspension, a kill switch, the end of an account or a tenant)
writes a marker in the same transaction (`store.repositories.ending`). While calls run, each
process looks at the marker every `PERIOD_S`; when it changed, the grants of its running calls are
read again, and the calls of those that no longer stand are cancelled.

No call slips through between its admission and its start:

1. Admission notes how many changes of the marker this process has seen (`epoch`), and then reads
   the grant.
2. A look that finds a change counts it first, and then takes the calls that run.
3. A call that starts under an older count than the present one has its grant read again.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from mcpassport.errors import CallCancelled, StoreUnavailable
from mcpassport.gate.grant import decoded, grant_keys, stopped
from mcpassport.records.grants import Caller, IndexEntry
from mcpassport.store.protocol import Key, Store
from mcpassport.store.repositories import ENDINGS

T = TypeVar("T")
PERIOD_S: Final = 0.25


class _Call:
    """One call under way; `ended` says that its cancellation is ours."""

    __slots__ = ("caller", "ended", "task")

    def __init__(self, caller: Caller, task: "asyncio.Task[Any] | None") -> None:
        self.caller = caller
        self.task = task
        self.ended = False


class Running:
    """The calls of this process."""

    def __init__(self, store: Store) -> None:
        self.epoch = 0
        """How many changes of the marker were seen here."""
        self._store = store
        self._calls: set[_Call] = set()
        self._some = asyncio.Event()
        self._seen: str | None = None
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Watch from now on."""
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Stop watching."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def unless_ended(self, caller: Caller, sending: Coroutine[Any, Any, T]) -> T:
        """What comes of it; `CallCancelled` once the caller's grant is ended or stopped."""
        if caller.as_of != self.epoch and await self._dead({caller.server.id: caller}):  # (3)
            sending.close()
            raise CallCancelled
        call = _Call(caller, asyncio.current_task())
        self._calls.add(call)
        self._some.set()
        try:
            return await sending
        except asyncio.CancelledError:
            # Somebody else may have cancelled it as well, and is to be obeyed first.
            if call.ended and call.task is not None and not call.task.uncancel():
                raise CallCancelled from None
            raise
        finally:
            self._calls.discard(call)

    async def _watch(self) -> None:
        while True:
            await self._some.wait()
            await asyncio.sleep(PERIOD_S)
            if not self._calls:
                self._some.clear()
                continue
            try:
                await self._look()
            except StoreUnavailable:
                continue  # nobody can be looked up now; the next look tries again

    async def _look(self) -> None:
        (marker,) = await self._store.get_many([ENDINGS])
        etag = "" if marker is None else marker.etag
        if etag == self._seen:
            return
        self.epoch += 1  # (2)
        calls = [call for call in self._calls if not call.ended]
        dead = await self._dead({call.caller.server.id: call.caller for call in calls})
        for call in calls:
            if call.caller.server.id in dead and call in self._calls and call.task is not None:
                call.ended = True
                call.task.cancel()
        self._seen = etag

    async def _dead(self, callers: dict[str, Caller]) -> set[str]:
        """The servers among them whose grant no longer stands."""
        keys = [_keys_of(caller) for caller in callers.values()]
        entries = await self._store.get_many([key for some in keys for key in some])
        found, dead = iter(entries), set[str]()
        for server, some in zip(callers, keys, strict=True):
            if stopped(decoded([next(found) for _ in some])):
                dead.add(server)
        return dead


def _keys_of(caller: Caller) -> list[Key]:
    server = caller.server
    at = IndexEntry("server", server.tenant, server.id, server.account, server.integration)
    return grant_keys(at, None)
