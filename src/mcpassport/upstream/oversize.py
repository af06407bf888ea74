"""What to do about an answer over the size cap, in the words of the tool that was called."""

from typing import Final

from mcpassport.errors import ResponseTooLarge
from mcpassport.records.tool import EVERY_OTHER
from mcpassport.upstream.wiring import Wiring

SHOWN_MAX: Final = 8
"""Arguments that are named at most."""
_MIB: Final = 2**20


def too_large(wiring: Wiring, cap: int) -> ResponseTooLarge:
    """The error with its mend: the page size first, then the arguments that narrow a request."""
    said = f"The upstream's answer is over the size cap of {_size(cap)}."
    names = {route.name: route.property for route in wiring.tool.routes if route.part == "paging"}
    if "limit" in names:
        said += f" Call again with a smaller '{names['limit']}'."
    filters = [
        route.property
        for route in wiring.tool.routes
        if route.part == "query" and route.property != EVERY_OTHER
    ]
    if filters:
        shown = ", ".join(f"'{name}'" for name in filters[:SHOWN_MAX])
        more = " and others" if len(filters) > SHOWN_MAX else ""
        said += f" These arguments may narrow it: {shown}{more}."
    elif "limit" not in names:
        said += " This tool has no argument that narrows it."
    return ResponseTooLarge(said)


def _size(cap: int) -> str:
    return f"{cap // _MIB} MiB" if cap % _MIB == 0 else f"{cap:,} bytes"
