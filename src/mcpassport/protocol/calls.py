"""`tools/call`: six hops, each hop's output the next hop's only input.

    (1) find the tool in the caller's surface       hidden and unknown are the same
    (2) check capabilities and arguments            against the tool and its input schema
    (3) the account's credential                    stays sealed
    (4) the audit intent                            not durable: nothing is sent
    (5) the one upstream request                    never repeated
    (6) the audit outcome                           not durable: the result is withheld
    then the answer is presented.

A failure before (4) leaves one refusal row; from (4) on, an intent and an outcome.
"""

from typing import Any, Final

import msgspec
import structlog
from msgspec import UNSET, Raw, Struct, UnsetType

from mcpassport.audit.entry import Answered, Asked
from mcpassport.catalog.arguments import validator_for
from mcpassport.errors import (
    AuditUnavailable,
    InsufficientScope,
    InternalError,
    InvalidParams,
    McpassportError,
    ResultWithheld,
    UnknownTool,
    meaning_of,
)
from mcpassport.gate.running import Running
from mcpassport.observe.tracing import name_tool
from mcpassport.protocol.capabilities import check_capabilities
from mcpassport.protocol.content import blocks_result
from mcpassport.protocol.exchange import (
    CredentialSource,
    Exchange,
    Reply,
    UpstreamCaller,
)
from mcpassport.protocol.jsonrpc import answer
from mcpassport.protocol.listing import Offer
from mcpassport.protocol.mirrored import check_mirrored
from mcpassport.protocol.present import call_status, failure, ratelimit_headers, success
from mcpassport.protocol.streaming import Teller, teller_of, too_large_for_an_event
from mcpassport.records.calls import Outcome
from mcpassport.records.masked import Secret
from mcpassport.records.tool import Tool

_log = structlog.get_logger(__name__)

NO_ARGUMENTS: Final = b"{}"


class _Params(Struct):
    name: str
    arguments: Raw | UnsetType = UNSET


_decode_params = msgspec.json.Decoder(_Params).decode


class Found(Struct, frozen=True):
    """Hop (1): the tool, the arguments as JSON text, and what the audit says of them."""

    tool: Tool
    arguments: bytes
    asked: Asked


class Calls:
    """Carries tool calls through the hops."""

    def __init__(
        self,
        accounts: CredentialSource,
        upstream: UpstreamCaller,
        running: Running | None = None,
    ) -> None:
        self._accounts = accounts
        self._upstream = upstream
        self._running = running

    async def call(self, exchange: Exchange, offer: Offer) -> Reply:
        """Answer one `tools/call`; every failure is an answer, and is in the audit first."""
        asked = asked_of(exchange, offer)
        try:
            found = find_tool(exchange, offer, asked)
            asked = found.asked
            name_tool(found.tool.name)
            check_capabilities(exchange, found.tool)
            arguments = check_arguments(exchange, offer, found)
            teller = teller_of(exchange, found.tool)
            credential = await self._accounts.credential(exchange.caller)
        except McpassportError as error:
            return await refuse(exchange, offer, error, asked)
        try:
            await exchange.entry.intent(asked, arguments)
            outcome = await self._send(exchange, found.tool, arguments, credential, teller)
            if teller is not None and teller.settle():
                outcome = as_an_event(exchange, offer, outcome)
            await record_outcome(exchange, outcome)
        except (AuditUnavailable, ResultWithheld) as error:
            return failure(exchange, offer, error)
        return present(exchange, offer, outcome)

    async def _send(
        self,
        exchange: Exchange,
        tool: Tool,
        arguments: dict[str, Any],
        credential: Secret,
        teller: Teller | None,
    ) -> Outcome:
        """Hop (5). Whatever it raises becomes an outcome, since the intent stands already."""
        caller = exchange.caller
        account, version = caller.account, caller.tenant.key_version
        heard = () if teller is None else (teller.heard,)
        sending = self._upstream.call(tool, arguments, account, credential, version, *heard)
        try:
            if self._running is None:
                return await sending
            return await self._running.unless_ended(caller, sending)
        except McpassportError as error:
            return Outcome(error=error)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not lose the outcome row
            log_fault(exchange, error)
            return Outcome(error=InternalError())


def find_tool(exchange: Exchange, offer: Offer, asked: Asked) -> Found:
    """Hop (1). `InvalidParams` without a usable `name`; `UnknownTool` for hidden ones too."""
    try:
        params = _decode_params(exchange.request.params or NO_ARGUMENTS)
    except msgspec.DecodeError:
        raise InvalidParams("'params.name' must be the name of a tool.") from None
    arguments = NO_ARGUMENTS
    if not isinstance(params.arguments, UnsetType) and bytes(params.arguments) != b"null":
        arguments = bytes(params.arguments).strip()
    if not arguments.startswith(b"{"):
        raise InvalidParams("'params.arguments' must be an object.")
    tool = offer.tools.get(params.name)
    if tool is None:
        raise InsufficientScope if params.name in offer.beyond else UnknownTool
    asked = msgspec.structs.replace(
        asked,
        resource=tool.method.resource,
        method=tool.method.method,
        tool_digest=offer.digests[tool.name],
    )
    return Found(tool, arguments, asked)


def check_arguments(exchange: Exchange, offer: Offer, found: Found) -> dict[str, Any]:
    """Hop (2). `HeaderMismatch` for mirrored ones, then `InvalidArguments` with every problem."""
    mirrors = offer.mirrors.get(found.tool.name) if exchange.modern else None
    if mirrors:
        check_mirrored(mirrors, found.arguments, exchange.headers)
    return validator_for(found.tool).check(found.arguments)


async def record_outcome(exchange: Exchange, outcome: Outcome) -> None:
    """Hop (6). `ResultWithheld` when the row is not durable."""
    error = outcome.error
    known = error if isinstance(error, McpassportError) else None
    await exchange.entry.outcome(
        Answered(
            outcome="ok" if known is None else meaning_of(type(known)).type,
            http_status=200 if known is None else call_status(exchange, known),
            upstream_status=outcome.upstream_status,
            upstream_ms=outcome.upstream_ms if outcome.sent else None,
            bytes_out=outcome.size,
        )
    )


def present(exchange: Exchange, offer: Offer, outcome: Outcome) -> Reply:
    """The answer to a call that is in the audit."""
    if isinstance(outcome.error, McpassportError):
        return failure(exchange, offer, outcome.error, outcome.ratelimit)
    if outcome.content:
        result = blocks_result(exchange, offer, outcome)
    else:
        result = success(exchange, offer, outcome.value or b"null", outcome.notes)
    headers = ratelimit_headers(outcome.ratelimit, "upstream")
    return Reply(200, headers, answer(exchange.request.id, result))


def as_an_event(exchange: Exchange, offer: Offer, outcome: Outcome) -> Outcome:
    """The outcome, or the error that its answer is too large to travel as an event."""
    if outcome.error is not None:
        return outcome
    error = too_large_for_an_event(len(present(exchange, offer, outcome).body))
    if error is None:
        return outcome
    error.upstream_status = outcome.upstream_status
    return msgspec.structs.replace(outcome, value=None, content=(), error=error)


async def refuse(
    exchange: Exchange, offer: Offer | None, error: McpassportError, asked: Asked
) -> Reply:
    """Record a refusal, then answer with it; nothing was sent."""
    try:
        await exchange.entry.refuse(
            meaning_of(type(error)).type, http_status=call_status(exchange, error), asked=asked
        )
    except AuditUnavailable as unavailable:
        return failure(exchange, offer, unavailable)
    return failure(exchange, offer, error)


class _Name(Struct):
    name: Any = ""


_decode_name = msgspec.json.Decoder(_Name).decode


def asked_of(exchange: Exchange, offer: Offer | None = None) -> Asked:
    """What the audit says of a request before any of it is looked at closely."""
    name: Any = ""
    if exchange.request.method == "tools/call" and exchange.request.params is not None:
        name = _decode_name(exchange.request.params).name
    return Asked(
        rpc_method=exchange.request.method,
        tool=name if isinstance(name, str) else "",
        surface_digest="" if offer is None else offer.surface_digest,
        client_name=exchange.route.client[0],
        client_version=exchange.route.client[1],
        protocol_version=exchange.route.revision,
    )


def log_fault(exchange: Exchange, error: Exception) -> None:
    """A fault of ours, by class only: its text could hold anything."""
    _log.error(
        "internal_fault",
        kind=type(error).__name__,
        rpc_method=exchange.request.method[:64],
        request_id=exchange.entry.request_id,
    )
