"""How a list is paged: one style per file, and the table of styles."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Protocol

from mcpassport.records.calls import OutboundResponse
from mcpassport.records.integration import Pagination
from mcpassport.upstream.paging.cursor import CursorPaging
from mcpassport.upstream.paging.expression import ExpressionPaging
from mcpassport.upstream.paging.link_header import LinkHeader
from mcpassport.upstream.paging.next_url import NextUrl
from mcpassport.upstream.paging.none import NoPaging
from mcpassport.upstream.paging.offset import OffsetPaging
from mcpassport.upstream.paging.page import PagePaging
from mcpassport.upstream.paging.range import RangePaging
from mcpassport.upstream.paging.turn import Answer, Asked, Turn


class PagingStyle(Protocol):
    """A way to page a list."""

    @property
    def sealed(self) -> bool:
        """Whether its cursors are ours, and leave only sealed."""
        ...

    async def ask(self, paging: Pagination, asked: Asked, /) -> Turn:
        """What the page asked for adds to the request. `InvalidArguments` if there can be none."""
        ...

    async def next(self, paging: Pagination, asked: Asked, answer: Answer, /) -> str | None:
        """The next page's cursor, or None. `MalformedUpstreamResponse` if it cannot be read."""
        ...

    def past_end(self, asked: Asked, response: OutboundResponse, /) -> bool:
        """Whether that failure only says that the list ended before this page."""
        ...


PAGINATIONS: Final[Mapping[str, PagingStyle]] = MappingProxyType(
    {
        "cursor": CursorPaging(),
        "page": PagePaging(),
        "offset": OffsetPaging(),
        "range": RangePaging(),
        "link_header": LinkHeader(),
        "next_url": NextUrl(),
        "expression": ExpressionPaging(),
        "none": NoPaging(),
    }
)
