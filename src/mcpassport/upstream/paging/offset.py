"""How many records to skip.

The next offset is this one and the records of this page. With a `next_path` the body says it: a
number is the next offset, `true` means the one that follows, and null, false, "" or nothing means
that this was the last page. With a `total_path` the body says how many records there are, and the
list ends there. Without either it ends with a page that is empty, or holds fewer records than were
asked for. Of a list that a response expression makes shorter, its `next_cursor` is the next offset.
"""

from mcpassport.records.integration import Pagination
from mcpassport.upstream.body import at_path
from mcpassport.upstream.paging.turn import Answer, Asked, Style, Turn, sized, told_number

DEFAULT_PARAM = "offset"


class OffsetPaging(Style):
    """`offset_param` counts records from `first_offset`."""

    async def ask(self, paging: Pagination, asked: Asked) -> Turn:
        """The query of this page."""
        values = sized(paging, asked)
        values[paging.offset_param or DEFAULT_PARAM] = _offset(paging, asked)
        return Turn(values)

    async def next(self, paging: Pagination, asked: Asked, answer: Answer) -> str | None:
        """The offset of the next page, or None. `MalformedUpstreamResponse` if it is no number."""
        following = _offset(paging, asked) + answer.records
        if answer.declares:
            return _told(answer.declared, following)
        if paging.next_path:
            return told_number(at_path(answer.body, paging.next_path), str(following))
        total = None
        if paging.total_path:
            total = told_number(at_path(answer.body, paging.total_path), "")
        size = asked.size(paging)
        if total:
            ended = following - paging.first_offset >= int(total)
        else:
            ended = size is not None and answer.records < size
        return None if ended or answer.records == 0 else str(following)


def _offset(paging: Pagination, asked: Asked) -> int:
    return paging.first_offset if asked.cursor is None else int(asked.cursor)


def _told(declared: str | None, following: int) -> str | None:
    said = None if declared is None else declared.encode()
    return told_number(said, str(following))
