"""Tools that only clients with certain capabilities can call (mcp-facts 1.2).

A modern request declares its client's capabilities, and is refused with -32021 when one is missing.
A legacy client declared them in `initialize`, of which a server without sessions knows nothing: its
calls of such tools are refused, as a tool error that the model can read. The tools stay in every
list, since the digests are over the whole surface.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from mcpassport.errors import MissingCapability
from mcpassport.limits import MODERN_REVISIONS
from mcpassport.protocol.era import KEY_CAPABILITIES
from mcpassport.protocol.exchange import Exchange
from mcpassport.records.tool import Tool


class _Meta(Struct):
    capabilities: dict[str, Any] = msgspec.field(name=KEY_CAPABILITIES, default_factory=dict)


class _Params(Struct):
    meta: _Meta = msgspec.field(name="_meta", default_factory=_Meta)


_decode_params = msgspec.json.Decoder(_Params).decode


def check_capabilities(exchange: Exchange, tool: Tool) -> None:
    """Whether the caller can do what the tool needs.

    Raises:
        MissingCapability: with what is missing, or what nobody can know of a legacy client.
    """
    required = tool.method.requires_client_capabilities
    if not required:
        return
    if not exchange.modern:
        raise MissingCapability(
            f"This tool needs a client with: {', '.join(required)}. Only requests of revision "
            f"{MODERN_REVISIONS[0]} can say that their client has it."
        )
    declared = _decode_params(exchange.request.params or b"{}").meta.capabilities
    missing = [name for name in required if not _declares(declared, name)]
    if missing:
        raise MissingCapability(
            f"This tool needs a client that declares: {', '.join(missing)}.",
            data={"requiredCapabilities": as_object(missing)},
        )


def as_object(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Names such as `elicitation.url` as a ClientCapabilities object."""
    capabilities: dict[str, dict[str, Any]] = {}
    for name in names:
        kind, _, part = name.partition(".")
        capabilities.setdefault(kind, {}).update({part: {}} if part else {})
    return capabilities


def _declares(declared: Mapping[str, Any], name: str) -> bool:
    kind, _, part = name.partition(".")
    value = declared.get(kind)
    if not isinstance(value, dict):
        return False
    # An empty `elicitation` stands for forms (spec: client/elicitation).
    return not part or part in value or (name == "elicitation.form" and not value)
