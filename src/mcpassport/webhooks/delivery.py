"""Tells webhooks of events, in the order of their chain, at least once each.

1. What is told is who did what to which object, by ids; never a payload, a token or a name.
2. An answer of 2xx, and no other, says that an event was taken. Redirects are not followed.
3. What was not taken is tried again, later each time; nothing behind it is told before. After
   `GIVE_UP` the webhook is turned off, which is an event itself, and waits until it is resumed.
4. A try that was cut off may have arrived: the same event comes with the same `webhook-id`.
"""

import asyncio
import time
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import structlog

from mcpassport.audit.log import event
from mcpassport.audit.query import Walk, Wanted, find
from mcpassport.errors import McpassportError, UpstreamError
from mcpassport.records.audit import AuditRow
from mcpassport.records.calls import OutboundRequest
from mcpassport.records.grants import Principal
from mcpassport.records.sources import Clock, Random
from mcpassport.records.webhooks import Webhook
from mcpassport.store.protocol import ALL, AuditStore, Op, Store
from mcpassport.store.repositories import WEBHOOKS
from mcpassport.upstream.auth.webhook_signature import signature
from mcpassport.upstream.call import Sender
from mcpassport.webhooks.hooks import Webhooks

PERIOD_S: Final = 10.0
TURN_S: Final = 5.0
"""How long one webhook may take in one turn, beside its last try."""
AT_ONCE: Final = 64
"""Webhooks that have their turn together, so that slow ones keep nobody waiting."""
BATCH: Final = 50
"""Events that one webhook is told in one turn, so that others have theirs."""
TIMEOUT_S: Final = 10.0
FIRST_WAIT: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(hours=1)
GIVE_UP: Final = timedelta(days=1)
ANSWER_BYTES: Final = 64 * 1024
TEST: Final = "webhook.test"
_TAKEN: Final = range(200, 300)
_EVENTS: Final = Wanted((("phase", "event"),))
_WORKER: Final = Principal("system:webhooks", "admin")
_log = structlog.get_logger(__name__)
_row_of = msgspec.json.Decoder(AuditRow).decode


class Delivery:
    """Tells what there is to tell."""

    def __init__(
        self,
        store: Store,
        audit: AuditStore,
        hooks: Webhooks,
        http: Sender,
        clock: Clock,
        random: Random,
    ) -> None:
        self._store = store
        self._audit = audit
        self._hooks = hooks
        self._http = http
        self._clock = clock
        self._random = random

    async def deliver(self) -> int:
        """One turn of every webhook; how many events were taken."""
        room = asyncio.Semaphore(AT_ONCE)

        async def turn(hook: Webhook, etag: str) -> int:
            async with room:
                try:
                    return await self._turn(hook, etag)
                except McpassportError as error:  # changed meanwhile, or not readable now
                    _log.warning("webhook_failed", kind=type(error).__name__)
                    return 0

        due = [
            turn(hook, entry.etag)
            async for entry in self._store.scan(WEBHOOKS.kind, ALL)
            if (hook := WEBHOOKS.decode(entry)) is not None and self._is_due(hook)
        ]
        return sum(await asyncio.gather(*due))

    def _is_due(self, hook: Webhook) -> bool:
        waits = hook.retry_at is not None and self._clock() < hook.retry_at
        return hook.status == "active" and not waits

    async def test(self, hook: Webhook) -> int | None:
        """Send an event that happened to nothing; the status of the answer, None without one."""
        body = _encoded(TEST, self._clock(), hook.tenant, hook.id, _WORKER.id)
        return await self._told(hook, "evt_" + self._random(16).hex(), body)

    async def _turn(self, hook: Webhook, etag: str) -> int:
        extent = await self._audit.extent(hook.tenant)
        if extent is None or extent.rows.last <= hook.passed:
            return 0
        found = await find(self._audit, hook.tenant, _EVENTS, Walk(hook.passed), limit=BATCH)
        now, taken, began = hook, 0, time.monotonic()
        for row in found.rows:
            if time.monotonic() - began > TURN_S:  # the rest has the next turn
                await self._hooks.write(now, etag)
                return taken
            told = _row_of(row.body)
            if not hook.events or told.action in hook.events:
                status = await self._told(hook, told.request_id, _body_of(told))
                if status not in _TAKEN:
                    await self._failed(now, etag, status)
                    return taken
                taken += 1
            now = _passed(now, row.sequence)
        last = found.following if found.following is not None else extent.rows.last
        await self._hooks.write(_passed(now, max(now.passed, last)), etag)
        return taken

    async def _failed(self, hook: Webhook, etag: str, status: int | None) -> None:
        """(3) What was taken before is kept; this one is next again."""
        now = self._clock()
        since = hook.failing_since or now
        wait = min(FIRST_WAIT * 2 ** min(hook.failures, 16), LONGEST_WAIT)
        failed = msgspec.structs.replace(
            hook,
            failures=hook.failures + 1,
            failing_since=since,
            retry_at=now + wait,
            last_status=status,
        )
        told: list[Op] = []
        if now - since >= GIVE_UP:
            failed = msgspec.structs.replace(failed, status="off", retry_at=None)
            told = [
                event(
                    _WORKER,
                    "webhook.off",
                    tenant=hook.tenant,
                    subject=hook.id,
                    clock=self._clock,
                    random=self._random,
                )
            ]
        await self._hooks.write(failed, etag, told)

    async def _told(self, hook: Webhook, event_id: str, body: bytes) -> int | None:
        """One try; the status of the answer, None without one."""
        timestamp = int(self._clock().timestamp())
        signed = signature(await self._hooks.secret(hook), event_id, timestamp, body)
        request = OutboundRequest(
            method="POST",
            url=hook.url,
            headers=(
                ("Content-Type", "application/json"),
                ("webhook-id", event_id),
                ("webhook-timestamp", str(timestamp)),
                ("webhook-signature", signed),
            ),
            body=body,
            timeout_s=TIMEOUT_S,
            max_body=ANSWER_BYTES,
        )
        try:
            return (await self._http.send(request)).status
        except UpstreamError:
            return None


def _body_of(row: AuditRow) -> bytes:
    """(1) What is told of an event."""
    return _encoded(row.action, row.ts, row.tenant, row.subject, row.principal)


def _encoded(action: str, ts: datetime, tenant: str, subject: str, principal: str) -> bytes:
    data: dict[str, Any] = {"tenant": tenant, "subject": subject, "principal": principal}
    return msgspec.json.encode({"type": action, "timestamp": ts, "data": data})


def _passed(hook: Webhook, sequence: int) -> Webhook:
    return msgspec.structs.replace(
        hook, passed=sequence, failures=0, failing_since=None, retry_at=None
    )
