"""What a paging style is asked and what it answers."""

from typing import Any, NamedTuple

from mcpassport.limits import NEXT_CURSOR_MAX_CHARS
from mcpassport.records.integration import Pagination

PLAIN_CURSOR_MAX_CHARS = NEXT_CURSOR_MAX_CHARS // 2
"""Of a cursor that we make, before it is sealed (which adds about a third)."""


class Asked(NamedTuple):
    """The page that the caller asks for; `cursor` is the style's own text, already unsealed."""

    limit: int | None
    cursor: str | None

    def size(self, paging: Pagination) -> int | None:
        """Records per page as sent upstream; None leaves it to the upstream."""
        return self.limit if self.limit is not None else paging.default_limit


class Turn(NamedTuple):
    """What the style adds to the query; `whole`, percent-encoded, replaces the query."""

    values: dict[str, Any]
    whole: str | None = None


class Answer(NamedTuple):
    """The upstream's answer as a style sees it."""

    url: str
    """The method's URL, without a query."""
    headers: tuple[tuple[str, str], ...]
    body: bytes
    """Checked JSON text, before any expression."""
    records: int
    """How many are in `result`."""
    declares: bool = False
    """Whether the response expression gave a `next_cursor`."""
    declared: str | None = None


def sized(paging: Pagination, asked: Asked) -> dict[str, Any]:
    """The query value of the page size, if the upstream takes one."""
    size = asked.size(paging)
    return {paging.limit_param: size} if paging.limit_param and size is not None else {}
