"""Pages of a way of their own: two expressions say what the first and the next request add.

1. `first` sees `{args, context, limit}`, `next` sees `{status, headers, body, args, limit,
   records}`. Both give `{query, headers, body}`, each optional; of `next` undefined, null and an
   empty object mean that this was the last page.
2. What `next` gave is the cursor, sealed. It replaces what `first` gives, and is merged over the
   request as that is: query values and headers by name, members of an object body one by one.
3. It is checked before it is sealed, so that nobody gets a cursor that could not be sent.
"""

from typing import Any, Final

import msgspec

from mcpassport.errors import (
    ExpressionFailed,
    InternalError,
    InvalidArguments,
    MalformedUpstreamResponse,
)
from mcpassport.expressions import MISSING, Expression, protect_integers
from mcpassport.records.integration import Pagination
from mcpassport.upstream.paging.turn import (
    PLAIN_CURSOR_MAX_CHARS,
    Answer,
    Asked,
    Style,
    Turn,
    sized,
)
from mcpassport.upstream.query import checked_headers
from mcpassport.upstream.scopes import scope_of

FIRST: Final = "pagination first"
NEXT: Final = "pagination next"
_MEMBERS: Final = frozenset({"query", "headers", "body"})


class ExpressionPaging(Style):
    """The cursor is the JSON of what the next request adds."""

    async def ask(self, paging: Pagination, asked: Asked) -> Turn:
        """What this page adds to the request."""
        if asked.cursor is not None:
            return _turn(paging, asked, msgspec.json.decode(asked.cursor))
        if paging.first is None:
            return Turn(sized(paging, asked))
        scope = {
            "args": asked.scope.args,
            "context": asked.scope.context,
            "limit": asked.size(paging),
        }
        safe, _ = protect_integers(msgspec.json.encode(scope))
        given = await _evaluated(asked, Expression(paging.first, FIRST), safe)  # (1)
        if given is not None and not _fits(given):
            raise ExpressionFailed(f"The expression '{FIRST}' gave no {{query, headers, body}}.")
        return _turn(paging, asked, given or {})

    async def next(self, paging: Pagination, asked: Asked, answer: Answer) -> str | None:
        """The JSON of what the next page adds, or None. `MalformedUpstreamResponse` if unusable."""
        if paging.next is None:
            return None
        safe, _ = protect_integers(answer.body)
        more = {"limit": asked.size(paging), "records": answer.records}
        scope = scope_of(answer.response, safe, asked.scope.args, **more)
        given = await _evaluated(asked, Expression(paging.next, NEXT), scope)  # (1)
        if given is None or given == {}:
            return None
        _check(given)  # (3)
        text: str = msgspec.json.encode(given).decode()  # (2)
        if len(text) > PLAIN_CURSOR_MAX_CHARS:
            raise MalformedUpstreamResponse("The next page's request is too long.")
        return text


async def _evaluated(asked: Asked, expression: Expression, scope: bytes) -> Any:
    if asked.evaluator is None:
        raise InternalError
    result = await asked.evaluator.evaluate(expression, scope)
    return None if result is None else msgspec.json.decode(result)


def _fits(given: Any) -> bool:
    return (
        isinstance(given, dict)
        and given.keys() <= _MEMBERS
        and all(isinstance(member, dict) for member in given.values())
    )


def _check(given: Any) -> None:
    if not _fits(given):
        raise ExpressionFailed(f"The expression '{NEXT}' gave no {{query, headers, body}}.")
    try:
        checked_headers(given.get("headers", {}).items())
    except InvalidArguments:
        raise MalformedUpstreamResponse("The next page's request cannot be sent.") from None


def _turn(paging: Pagination, asked: Asked, given: dict[str, Any]) -> Turn:
    return Turn(
        {**sized(paging, asked), **given.get("query", {})},
        headers=tuple(given.get("headers", {}).items()),
        body=given.get("body", MISSING),
    )
