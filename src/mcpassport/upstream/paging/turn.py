"""What a paging style is asked and what it answers."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from mcpassport.errors import MalformedUpstreamResponse
from mcpassport.expressions import MISSING, Evaluator
from mcpassport.limits import NEXT_CURSOR_MAX_CHARS
from mcpassport.records.calls import CallScope, OutboundResponse
from mcpassport.records.integration import Pagination
from mcpassport.upstream.body import scalar_text

PLAIN_CURSOR_MAX_CHARS = NEXT_CURSOR_MAX_CHARS // 2
"""Of a cursor that we make, before it is sealed (which adds about a third)."""
NUMBER_MAX_DIGITS = 15
"""Of a page's number or offset."""


class Asked(NamedTuple):
    """The page that the caller asks for; `cursor` is the style's own text, already unsealed."""

    limit: int | None
    cursor: str | None
    scope: CallScope = CallScope({}, {})
    evaluator: Evaluator | None = None

    def size(self, paging: Pagination) -> int | None:
        """Records per page as sent upstream; None leaves it to the upstream."""
        return self.limit if self.limit is not None else paging.default_limit


class Turn(NamedTuple):
    """What the style adds to the request; `whole`, percent-encoded, replaces the query."""

    values: Mapping[str, Any]
    whole: str | None = None
    headers: tuple[tuple[str, Any], ...] = ()
    body: Any = MISSING
    """Members that lie over those of the body."""


class Answer(NamedTuple):
    """The upstream's answer as a style sees it."""

    url: str
    """The method's URL, without a query."""
    response: OutboundResponse
    body: bytes
    """Checked JSON text, before any expression."""
    records: int
    """How many are in `result`."""
    declares: bool = False
    """Whether the response expression gave a `next_cursor`."""
    declared: str | None = None

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The response's headers, names in lower case."""
        return self.response.headers


class Style:
    """What the styles share unless they say otherwise."""

    sealed = True

    def past_end(self, _asked: Asked, _response: OutboundResponse) -> bool:
        """Whether that failure only says that the list ended before this page."""
        return False


def sized(paging: Pagination, asked: Asked) -> dict[str, Any]:
    """The query value of the page size, if the upstream takes one."""
    size = asked.size(paging)
    return {paging.limit_param: size} if paging.limit_param and size is not None else {}


def told_number(said: bytes | None, following: str) -> str | None:
    """The number that the body tells of the next page; `true` is the one that follows anyway.

    Null, false, "" and nothing mean that there is none.

    Raises:
        MalformedUpstreamResponse: it is no number.
    """
    if said == b"false":
        return None
    if said == b"true":
        return following
    number = scalar_text(said)
    if number is None or (number.isdecimal() and len(number) <= NUMBER_MAX_DIGITS):
        return number
    raise MalformedUpstreamResponse("The upstream API's next page is not a number.")
