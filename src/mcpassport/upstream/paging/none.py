"""Lists that come whole."""

from mcpassport.errors import InvalidArguments
from mcpassport.records.integration import Pagination
from mcpassport.upstream.paging.turn import Answer, Asked, Style, Turn, sized


class NoPaging(Style):
    """One page; a cursor is an argument error, since none was ever given out."""

    sealed = False

    async def ask(self, paging: Pagination, asked: Asked) -> Turn:
        """The query of this page."""
        if asked.cursor is not None:
            raise InvalidArguments("This list has one page: leave next_cursor out.")
        return Turn(sized(paging, asked))

    async def next(self, _paging: Pagination, _asked: Asked, _answer: Answer) -> str | None:
        """There is no next page."""
        return None
