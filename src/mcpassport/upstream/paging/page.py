"""Numbered pages.

With a `next_path` the body says whether there is a next page: a number is its number, `true` means
the one after this, and null, false, "" or nothing means that this was the last.

Without one there is a next page unless this one is empty, or holds fewer records than were asked
for. When neither the caller nor the integration says how many, only an empty page ends the list;
and a list whose last page is full costs one more call, which answers an empty page.
"""

from mcpassport.records.integration import Pagination
from mcpassport.upstream.body import at_path
from mcpassport.upstream.paging.turn import Answer, Asked, Style, Turn, sized, told_number

DEFAULT_PARAM = "page"


class PagePaging(Style):
    """`page_param` counts from `first_page`."""

    async def ask(self, paging: Pagination, asked: Asked) -> Turn:
        """The query of this page."""
        values = sized(paging, asked)
        values[paging.page_param or DEFAULT_PARAM] = _number(paging, asked)
        return Turn(values)

    async def next(self, paging: Pagination, asked: Asked, answer: Answer) -> str | None:
        """The number of the next page, or None."""
        following = str(_number(paging, asked) + 1)
        if paging.next_path:
            return told_number(at_path(answer.body, paging.next_path), following)
        size = asked.size(paging)
        if answer.records == 0 or (size is not None and answer.records < size):
            return None
        return following


def _number(paging: Pagination, asked: Asked) -> int:
    return paging.first_page if asked.cursor is None else int(asked.cursor)
