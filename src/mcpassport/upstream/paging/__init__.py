"""How a list is paged: one style per file, and the table of styles."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Protocol

from mcpassport.records.integration import Pagination
from mcpassport.upstream.paging.cursor import CursorPaging
from mcpassport.upstream.paging.link_header import LinkHeader
from mcpassport.upstream.paging.next_url import NextUrl
from mcpassport.upstream.paging.none import NoPaging
from mcpassport.upstream.paging.page import PagePaging
from mcpassport.upstream.paging.turn import Answer, Asked, Turn


class PagingStyle(Protocol):
    """A way to page a list."""

    @property
    def sealed(self) -> bool:
        """Whether its cursors are ours, and leave only sealed."""
        ...

    def ask(self, paging: Pagination, asked: Asked, /) -> Turn:
        """The query of the page asked for. `InvalidArguments` if there can be no such page."""
        ...

    def next(self, paging: Pagination, asked: Asked, answer: Answer, /) -> str | None:
        """The next page's cursor, or None. `MalformedUpstreamResponse` if it cannot be read."""
        ...


PAGINATIONS: Final[Mapping[str, PagingStyle]] = MappingProxyType(
    {
        "cursor": CursorPaging(),
        "page": PagePaging(),
        "link_header": LinkHeader(),
        "next_url": NextUrl(),
        "none": NoPaging(),
    }
)
