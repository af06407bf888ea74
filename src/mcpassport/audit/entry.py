"""One HTTP request in the audit: its intents, outcomes and refusals.

The edge opens one entry per request and closes it in `finally`. What a row says is fixed in two
small types: `Asked` (what was wanted) and `Answered` (what came of it).

    admitted -> intent -> outcome          a tool call
    admitted -> served                     a request without a side effect: both rows at once
    admitted -> refuse                     a caller we know, a request we do not serve
    refused_known -> refuse                a token that leads to a tenant but opens nothing
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import structlog
from msgspec import Struct
from msgspec.structs import replace

from mcpassport.errors import AuditUnavailable, McpassportError, ResultWithheld
from mcpassport.records.audit import AuditRow
from mcpassport.records.grants import Caller, Principal
from mcpassport.records.sources import Clock

_log = structlog.get_logger(__name__)

TEXT_MAX = 128
"""Caller-chosen names (client, version, tool) are recorded up to this many characters."""


class Asked(Struct, frozen=True, kw_only=True):
    """What a request wants. Digests in hex; never an argument."""

    rpc_method: str
    tool: str = ""
    resource: str = ""
    method: str = ""
    tool_digest: str = ""
    surface_digest: str = ""
    client_name: str = ""
    client_version: str = ""
    protocol_version: str = ""


class Answered(Struct, frozen=True, kw_only=True):
    """What came of it: `ok`, or the envelope type of the error."""

    outcome: str
    http_status: int
    upstream_status: int | None = None
    upstream_ms: int | None = None
    bytes_out: int | None = None


class Sink(Protocol):
    """Where rows go: the audit log."""

    async def append(self, *rows: AuditRow) -> None:
        """Commit the rows together, in this order; returns when they are durable."""
        ...

    def later(self, row: AuditRow, *, key: str) -> None:
        """Commit the row within about a second, folded with others of the same key."""
        ...

    def owe(self, outcome: AuditRow) -> None:
        """Commit the outcome as soon as the store takes it."""
        ...

    async def fingerprint(self, tenant: str, arguments: Mapping[str, Any]) -> str:
        """The keyed fingerprint of a call's arguments."""
        ...


class Entry:
    """The audit of one HTTP request. Not shared between tasks."""

    def __init__(self, sink: Sink, clock: Clock, request_id: str, process: str = "") -> None:
        self.request_id = request_id
        self.bytes_in: int | None = None
        self._sink = sink
        self._clock = clock
        self._base = AuditRow(ts=clock(), phase="refusal", request_id=request_id, tenant="")
        self._process = process
        self._open: AuditRow | None = None

    def admitted(self, caller: Caller) -> None:
        """From here on every row names this caller."""
        self._base = replace(
            self._base,
            tenant=caller.tenant.id,
            account=caller.account.id,
            server=caller.server.id,
            integration=f"{caller.integration.name}@{caller.integration.version}",
            api_token_id=caller.api_token_id or "",
            factors=caller.factors,
        )

    def vouched(self, principal: Principal) -> None:
        """From here on every row names who calls in place of a token's holder."""
        self._base = replace(self._base, principal=principal.id)

    def refused_known(self, tenant: str, server: str, account: str, integration: str) -> None:
        """The token leads to this tenant but opens nothing; every row names what is known."""
        self._base = replace(
            self._base, tenant=tenant, server=server, account=account, integration=integration
        )

    def refused_token(self, tenant: str, api_token: str) -> None:
        """An API token of this tenant, or of the deployment, that opens nothing any more."""
        self._base = replace(self._base, tenant=tenant, api_token_id=api_token)

    async def intent(self, asked: Asked, arguments: Mapping[str, Any]) -> None:
        """Record what is about to be done, before it is done.

        Raises:
            AuditUnavailable: the row is not durable, so the call must not be made.
        """
        if self._open is not None:  # an earlier call of this batch, whose outcome was not taken
            self._sink.owe(unknown_outcome(self._open, self._clock()))
        try:
            fingerprint = await self._sink.fingerprint(self._base.tenant, arguments)
            # Open before it is durable: a caller who leaves meanwhile still gets an outcome row.
            self._open = self._row(
                asked,
                "intent",
                decision="allow",
                fingerprint=fingerprint,
                process=self._process,
            )
            await self._sink.append(self._open)
        except McpassportError:
            self._open = None
            raise AuditUnavailable from None

    async def outcome(self, answered: Answered) -> None:
        """Record what came of the open intent, before the caller learns it.

        The row is queued before the first suspension, so that a cancelled request cannot lose it.

        Raises:
            ResultWithheld: the row is not durable, so the result must not be shown.
        """
        intent, self._open = self._open, None
        if intent is None:
            return
        try:
            await self._sink.append(self._outcome_row(intent, answered))
        except McpassportError:
            self._open = intent  # `close` tries once more, so that the intent is not left alone
            raise ResultWithheld from None

    async def served(self, asked: Asked, answered: Answered) -> None:
        """Record a request without a side effect: intent and outcome in one commit.

        Raises:
            AuditUnavailable: the rows are not durable.
        """
        intent = self._row(asked, "intent", decision="allow")
        try:
            await self._sink.append(intent, self._outcome_row(intent, answered))
        except McpassportError:
            raise AuditUnavailable from None

    async def refuse(self, reason: str, *, http_status: int, asked: Asked | None = None) -> None:
        """Record a refusal; a status of 0 says that nobody was there to answer.

        Raises:
            AuditUnavailable: the row is not durable; refuse with this reason instead.
        """
        try:
            await self._sink.append(self._refusal(reason, http_status, asked))
        except McpassportError:
            raise AuditUnavailable from None

    def refuse_later(self, reason: str, *, http_status: int, key: str) -> None:
        """Record a refusal without waiting: at most one row per second and key, with a count."""
        self._sink.later(self._refusal(reason, http_status, None), key=key)

    async def close(self, reason: str = "unknown") -> None:
        """Give an intent that is still open an outcome; never raises for a store's fault.

        If the store does not take it now, the log owes it, and pays when the store is back.

        `reason` is `cancelled` when the caller went away, else `unknown`.
        """
        intent, self._open = self._open, None
        if intent is None:
            return
        row = self._outcome_row(intent, Answered(outcome=reason, http_status=0))
        try:
            await self._sink.append(row)
        except McpassportError as error:
            _log.error("audit_outcome_owed", request_id=self.request_id, kind=type(error).__name__)
            self._sink.owe(row)

    def _row(self, asked: Asked, phase: Any, **values: Any) -> AuditRow:
        return replace(
            self._base,
            ts=self._clock(),
            phase=phase,
            bytes_in=self.bytes_in,
            rpc_method=legible(asked.rpc_method),
            tool=legible(asked.tool),
            resource=asked.resource,
            method=asked.method,
            tool_digest=asked.tool_digest,
            surface_digest=asked.surface_digest,
            client_name=legible(asked.client_name),
            client_version=legible(asked.client_version),
            protocol_version=asked.protocol_version,
            **values,
        )

    def _refusal(self, reason: str, http_status: int, asked: Asked | None) -> AuditRow:
        return self._row(
            asked or Asked(rpc_method=""),
            "refusal",
            decision="deny",
            reason=reason,
            http_status=http_status or None,
        )

    def _outcome_row(self, intent: AuditRow, answered: Answered) -> AuditRow:
        now = self._clock()
        return replace(
            intent,
            ts=now,
            phase="outcome",
            decision="",
            outcome=answered.outcome,
            http_status=answered.http_status or None,
            upstream_status=answered.upstream_status,
            upstream_ms=answered.upstream_ms,
            bytes_out=answered.bytes_out,
            duration_ms=max(0, round((now - intent.ts).total_seconds() * 1000)),
        )


def legible(text: str) -> str:
    """Caller-chosen text, fit for a log: printable, at most `TEXT_MAX` characters."""
    text = text[:TEXT_MAX]
    return text if text.isprintable() else "".join(c for c in text if c.isprintable())


def unknown_outcome(intent: AuditRow, now: datetime) -> AuditRow:
    """The outcome of a call whose end nobody saw: when it ended is not known either."""
    return replace(intent, ts=now, phase="outcome", decision="", outcome="unknown")
