"""The `Link` header's `rel="next"` (RFC 8288)."""

import re
from collections.abc import Iterator
from typing import Final

from mcpassport.records.integration import Pagination
from mcpassport.upstream.paging.next_query import query_of
from mcpassport.upstream.paging.turn import Answer, Asked, Style, Turn, sized

_TARGET: Final = re.compile(r"[\s,]*+<([^<>]*+)>")
_PARAMETER: Final = re.compile(
    r'\s*+;\s*+(?P<name>[^\s;,="<>]*+)\s*+(?:=\s*+(?:"(?P<quoted>(?:[^"\\]|\\.)*+)"|(?P<plain>[^\s;,"<>]*+)))?'
)


class LinkHeader(Style):
    """Only the query of the next page's URL is kept, as `next_query` says."""

    async def ask(self, paging: Pagination, asked: Asked) -> Turn:
        """The query of this page."""
        return Turn(sized(paging, asked), asked.cursor)

    async def next(self, _paging: Pagination, _asked: Asked, answer: Answer) -> str | None:
        """The query of the next page, or None."""
        headers = ", ".join(value for name, value in answer.headers if name == "link")
        return query_of(next_target(headers), answer.url)


def next_target(header: str) -> str | None:
    """The target of the first link with relation `next`, about this very resource (no anchor)."""
    for target, parameters in _links(header):
        if "anchor" not in parameters and "next" in parameters.get("rel", "").lower().split():
            return target
    return None


def _links(header: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Targets with their parameters; of a repeated parameter the first counts (RFC 8288, 3.3)."""
    position = 0
    while (target := _TARGET.match(header, position)) is not None:
        position = target.end()
        parameters: dict[str, str] = {}
        while (parameter := _PARAMETER.match(header, position)) is not None:
            position = parameter.end()
            quoted = parameter["quoted"]
            value = parameter["plain"] or "" if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            parameters.setdefault(parameter["name"].lower(), value)
        yield target[1], parameters
        # What does not parse is skipped up to the next target.
        resume = header.find("<", position)
        position = resume if resume >= 0 else len(header)
