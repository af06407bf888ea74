"""Ranges of records (RFC 9110, 14): `Range: items=0-24`, and `Content-Range: items 0-24/60`.

1. An answer that names no range is the whole list. To a later page it is no answer: the upstream
   sent everything once more.
2. The range that is answered begins where it was asked to.
3. With a total the list ends there; with `*` for it, at a page of fewer records than asked for.
4. A range past the end is answered with 416 and the total. Of a later page 416 alone is enough.
"""

import re
from typing import Final, NamedTuple

from mcpassport.errors import MalformedUpstreamResponse
from mcpassport.records.calls import OutboundResponse
from mcpassport.records.integration import Pagination
from mcpassport.upstream.paging.turn import Answer, Asked, Style, Turn

NOT_SATISFIABLE: Final = 416
DEFAULT_SIZE: Final = 25
_CONTENT_RANGE: Final = re.compile(
    r"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+ )??(?:([0-9]{1,15})-([0-9]{1,15})|\*)/([0-9]{1,15}|\*)"
)


class Told(NamedTuple):
    """A `Content-Range`: first and last position, unless none is satisfied; the total, if known."""

    first: int | None
    last: int
    total: int | None


class RangePaging(Style):
    """The position goes in `Range`, PostgREST's way with the unit in `Range-Unit`."""

    async def ask(self, paging: Pagination, asked: Asked) -> Turn:
        """The headers of this page."""
        first = _first(asked)
        wanted = f"{first}-{first + _size(paging, asked) - 1}"
        if paging.unit_header:
            return Turn({}, headers=(("Range-Unit", paging.unit), ("Range", wanted)))
        return Turn({}, headers=(("Range", f"{paging.unit}={wanted}"),))

    async def next(self, paging: Pagination, asked: Asked, answer: Answer) -> str | None:
        """The position of the next page, or None. `MalformedUpstreamResponse` if it is another."""
        told = told_range(answer.response)
        if told is None:  # (1)
            if asked.cursor is None:
                return None
            raise MalformedUpstreamResponse("The upstream API did not say which range it sent.")
        if told.first is None:
            return None
        if told.first != _first(asked) or told.last < told.first:  # (2)
            raise MalformedUpstreamResponse("The upstream API answered another range.")
        following = told.last + 1
        if told.total is None:
            ended = following - told.first < _size(paging, asked)
        else:
            ended = following >= told.total
        return None if ended else str(following)  # (3)

    def past_end(self, asked: Asked, response: OutboundResponse) -> bool:
        """(4) Whether that failure only says that the list ended before this page."""
        if response.status != NOT_SATISFIABLE:
            return False
        try:
            told = told_range(response)
        except MalformedUpstreamResponse:
            return False
        if told is None:
            return asked.cursor is not None
        return told.first is None and told.total is not None and told.total <= _first(asked)


def told_range(response: OutboundResponse) -> Told | None:
    """What `Content-Range` says; None if there is none. `MalformedUpstreamResponse` if unclear."""
    text = response.header("content-range")
    if text is None:
        return None
    found = _CONTENT_RANGE.fullmatch(text.strip())
    if found is None:
        raise MalformedUpstreamResponse("The upstream API's Content-Range cannot be read.")
    first, last, total = found.groups()
    return Told(
        None if first is None else int(first),
        0 if last is None else int(last),
        None if total == "*" else int(total),
    )


def _first(asked: Asked) -> int:
    return 0 if asked.cursor is None else int(asked.cursor)


def _size(paging: Pagination, asked: Asked) -> int:
    return asked.size(paging) or DEFAULT_SIZE
