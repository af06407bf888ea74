"""The upstream's own cursors, verbatim in both directions."""

from mcpassport.errors import MalformedUpstreamResponse
from mcpassport.limits import NEXT_CURSOR_MAX_CHARS
from mcpassport.records.integration import Pagination
from mcpassport.upstream.body import at_path, scalar_text
from mcpassport.upstream.paging.turn import Answer, Asked, Style, Turn, sized


class CursorPaging(Style):
    """`cursor_param` takes what stood at `cursor_path` of the page before.

    A `next_cursor` given by the response expression decides over `cursor_path`. Without a
    `cursor_param` the request expression places the cursor.
    """

    sealed = False

    async def ask(self, paging: Pagination, asked: Asked) -> Turn:
        """The query of this page."""
        values = sized(paging, asked)
        if asked.cursor is not None and paging.cursor_param:
            values[paging.cursor_param] = asked.cursor
        return Turn(values)

    async def next(self, paging: Pagination, _asked: Asked, answer: Answer) -> str | None:
        """The cursor of the next page, or None."""
        if answer.declares:
            cursor = answer.declared
        elif paging.cursor_path:
            cursor = scalar_text(at_path(answer.body, paging.cursor_path))
        else:
            cursor = None
        if cursor is not None and len(cursor) > NEXT_CURSOR_MAX_CHARS:
            raise MalformedUpstreamResponse("The upstream API's cursor is too long.")
        return cursor
