"""What a caller takes: `Accept` (RFC 9110, 12.5.1)."""

import re
from collections.abc import Mapping
from typing import Final

_EVENTS: Final = frozenset({"text/event-stream"})
_NEVER: Final = re.compile(r"q *= *0(\.0*)?")


def admits(accept: str, ranges: frozenset[str]) -> bool:
    """Whether one of those ranges is named, with another weight than zero."""
    for part in accept.lower().split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        if media in ranges and not any(map(_NEVER.fullmatch, parameters)):
            return True
    return False


def takes_events(headers: Mapping[str, str]) -> bool:
    """Whether server-sent events are named: who does not name them does not expect them."""
    return admits(headers.get("accept", ""), _EVENTS)
