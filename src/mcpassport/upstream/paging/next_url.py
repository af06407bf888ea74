"""A URL of the next page in a header (such as Kinto's `Next-Page`) or at a path of the body."""

from mcpassport.errors import MalformedUpstreamResponse
from mcpassport.records.integration import Pagination
from mcpassport.upstream.body import at_path, scalar_text
from mcpassport.upstream.paging.next_query import query_of
from mcpassport.upstream.paging.turn import Answer, Asked, Style, Turn, sized


class NextUrl(Style):
    """Only the query of the next page's URL is kept, as `next_query` says."""

    async def ask(self, paging: Pagination, asked: Asked) -> Turn:
        """The query of this page."""
        return Turn(sized(paging, asked), asked.cursor)

    async def next(self, paging: Pagination, _asked: Asked, answer: Answer) -> str | None:
        """The query of the next page, or None."""
        return query_of(_next_url(paging, answer), answer.url)


def _next_url(paging: Pagination, answer: Answer) -> str | None:
    if paging.next_header:
        wanted = paging.next_header.lower()
        return next((value for name, value in answer.headers if name == wanted), None)
    found = at_path(answer.body, paging.next_path) if paging.next_path else None
    if found is not None and found[:1] not in {b'"', b"n"}:
        raise MalformedUpstreamResponse("The next page's address is not a text.")
    return scalar_text(found)
