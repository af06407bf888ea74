"""Build the request of one call: arguments and context in, one HTTP request without secrets out.

1. The address: base URL and path, each value one segment (`address.py`).
2. Query, headers and body: the method's templates, then each argument that no template places,
   where its route sends it.
3. A `request` expression: its query and headers are merged over both, its body replaces the body;
   it cannot see an integer that it would round.
4. Paging: the page size and the cursor, in the query, headers or body; the query of a next page
   replaces the query.
5. What the credential sets, nothing else may set.
6. Header values with control characters and URLs that are too long are refused.
7. The body is written in its format (`bodies/`), within a cap.
Nothing here reaches the network.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus

import msgspec

from mcpassport.errors import ExpressionFailed, InvalidArguments, Problem
from mcpassport.expressions import MISSING, Evaluator, Expression, Template, render_tree
from mcpassport.limits import LIMITS, MAX_SAFE_INTEGER, Limits
from mcpassport.records.calls import CallScope, OutboundRequest
from mcpassport.records.grants import Account
from mcpassport.upstream.address import URL_MAX_CHARS
from mcpassport.upstream.bodies.encoded import Encoded
from mcpassport.upstream.paging.turn import Turn
from mcpassport.upstream.query import checked_headers, encode_query
from mcpassport.upstream.wiring import Wiring

_AUTHORIZING: Final = frozenset({"authorization", "cookie"})
"""Headers that an account's overrides never set."""
GROWTH_MAX: Final = 3
"""How much larger than a caller's request the body may be: a form takes three bytes for one."""
_MERGED: Final = frozenset({"query", "headers", "body"})


@dataclass(slots=True)
class Draft:
    """A request in the making."""

    query: dict[str, Any] = field(default_factory=dict)
    headers: list[tuple[str, Any]] = field(default_factory=list)
    body: Any = MISSING


def context_of(account: Account) -> dict[str, str]:
    """The account's context over the defaults that an admin set for it."""
    return {**account.overrides.context, **account.context}


async def build(
    wiring: Wiring, scope: CallScope, turn: Turn, account: Account, evaluator: Evaluator
) -> tuple[str, Draft]:
    """The URL without a query, and the draft of the rest.

    Raises:
        InvalidArguments: an argument cannot be sent.
        AddressForbidden: the account's context leads to another host.
        ExpressionFailed: the request expression failed.
    """
    scopes = {"args": scope.args, "context": scope.context}
    url = wiring.address.url(scopes)  # (1)
    draft = Draft()
    _apply_templates(draft, wiring, scopes)  # (2)
    _apply_routes(draft, wiring, scope.args)
    if wiring.request is not None:  # (3)
        _refuse_inexact(wiring, scope.args)
        _merge(draft, wiring.request, await evaluator.evaluate(wiring.request, _text(scopes)))
    _page(draft, turn)  # (4)
    draft.headers.extend(
        item for item in account.overrides.headers.items() if item[0].lower() not in _AUTHORIZING
    )  # (5)
    return url, draft


def finish(
    wiring: Wiring, url: str, draft: Draft, turn: Turn, account: Account, limits: Limits
) -> OutboundRequest:
    """The request, encoded. `InvalidArguments` if it cannot be sent as it stands."""
    encoded = _encoded(wiring, draft, limits)  # (7)
    headers = checked_headers(_defaults(wiring, draft, encoded))  # (6)
    for name in wiring.secret_header_names:  # (5)
        headers.pop(name, None)
    query = _query(wiring, draft, turn)
    if len(url) + len(query) >= URL_MAX_CHARS:  # (6)
        raise InvalidArguments("The arguments make a URL that is too long.")
    return OutboundRequest(
        method=wiring.method.http,
        url=f"{url}?{query}" if query else url,
        headers=tuple(headers.values()),
        body=None if encoded is None else encoded.body,
        timeout_s=_timeout(wiring, account, limits),
        max_body=limits.upstream_body_bytes,
        integration=account.integration,
        tenant=account.tenant,
    )


def _apply_templates(draft: Draft, wiring: Wiring, scopes: Mapping[str, Any]) -> None:
    for name, value in wiring.query.items():
        draft.query[name] = _rendered(value, scopes)
    draft.headers.extend((name, _rendered(value, scopes)) for name, value in wiring.headers.items())
    if wiring.body is not None:
        draft.body = render_tree(wiring.body, scopes)


def _rendered(value: Any, scopes: Mapping[str, Any]) -> Any:
    return value.render(scopes) if isinstance(value, Template) else render_tree(value, scopes)


def _apply_routes(draft: Draft, wiring: Wiring, arguments: Mapping[str, Any]) -> None:
    members: dict[str, Any] = {}
    for route in (*wiring.routes, *wiring.undeclared(arguments)):
        value = arguments.get(route.property, MISSING)
        if value is MISSING:
            continue
        if route.part == "query":
            draft.query[route.name or route.property] = value
        elif route.part == "header":
            draft.headers.append((route.name or route.property, value))
        elif route.part == "body" and route.name is None:
            draft.body = _over(draft.body, value)
        elif route.part == "body":
            members[str(route.name)] = value
    if members or (wiring.sends_body and draft.body is MISSING and _wants_object(wiring)):
        draft.body = _over(draft.body, members)


def _wants_object(wiring: Wiring) -> bool:
    """A method whose body arguments are all left out still sends an object."""
    whole = any(route.part == "body" and route.name is None for route in wiring.routes)
    return not whole and wiring.method.http not in {"GET", "DELETE"}


def _over(below: Any, above: Any) -> Any:
    """Objects are merged one level deep; anything else replaces what was there."""
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        return {**below, **above}
    return above


def _refuse_inexact(wiring: Wiring, arguments: Mapping[str, Any]) -> None:
    """JSONata calculates in doubles: refuse the integers that it would round."""
    for name, value in arguments.items():
        if _inexact(value):
            schema = wiring.input_schema.get("properties", {}).get(name, {})
            mend = "Send it as a string." if _admits_text(schema) else "Send a smaller integer."
            message = f"'{name}' holds an integer beyond 2^53-1, which would not arrive exactly"
            raise InvalidArguments(
                f"{message}. {mend}", problems=(Problem(f"/{name}", "integer", message, mend),)
            )


def _inexact(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_inexact(member) for member in value.values())
    if isinstance(value, list | tuple):
        return any(_inexact(element) for element in value)
    return isinstance(value, int) and abs(value) > MAX_SAFE_INTEGER


def _admits_text(schema: Any) -> bool:
    kinds = schema.get("type", ()) if isinstance(schema, Mapping) else ()
    return "string" in ([kinds] if isinstance(kinds, str) else kinds)


def _merge(draft: Draft, expression: Expression, result: bytes | None) -> None:
    """(3) Undefined changes nothing; a null takes a query value or a header away.

    A body is replaced whole: the expression says what it is, members that are not in it are not
    sent.
    """
    if result is None:
        return
    given = msgspec.json.decode(result)
    if not isinstance(given, dict) or not given.keys() <= _MERGED:
        raise ExpressionFailed(
            f"The expression '{expression.slot}' gave no {{query, headers, body}}."
        )
    query, headers = given.get("query") or {}, given.get("headers") or {}
    if not isinstance(query, dict) or not isinstance(headers, dict):
        raise ExpressionFailed(
            f"The expression '{expression.slot}' gave a query or headers of no use."
        )
    draft.query.update(query)
    removed = {name.lower() for name in headers}
    draft.headers = [item for item in draft.headers if item[0].lower() not in removed]
    draft.headers.extend(headers.items())
    if "body" in given:
        draft.body = given["body"]


def _defaults(wiring: Wiring, draft: Draft, encoded: Encoded | None) -> list[tuple[str, Any]]:
    content = [] if encoded is None else [("Content-Type", encoded.media_type)]
    last = content if encoded is not None and encoded.fixed else []
    return [("Accept", wiring.accept), *content, *draft.headers, *last]


def _encoded(wiring: Wiring, draft: Draft, limits: Limits) -> Encoded | None:
    if draft.body is MISSING:
        return None
    encoded: Encoded = wiring.body_format.encode(draft.body, wiring.members)
    if len(encoded.body) > limits.request_body_bytes * GROWTH_MAX:
        raise InvalidArguments("The arguments make a body that is too large.")
    return encoded


def _query(wiring: Wiring, draft: Draft, turn: Turn) -> str:
    """The encoded query; names that the credential sets are left to it (5)."""
    secret = wiring.secret_query_names
    if turn.whole is not None:
        if not any(name in secret for name, _ in parse_qsl(turn.whole, keep_blank_values=True)):
            return turn.whole
        pairs = turn.whole.split("&")
        return "&".join(
            pair for pair in pairs if unquote_plus(pair.partition("=")[0]) not in secret
        )
    values = {name: value for name, value in draft.query.items() if name not in secret}
    try:
        return encode_query(values, wiring.method.query_array_format)
    except UnicodeEncodeError:
        raise InvalidArguments("An argument holds a character that cannot be sent.") from None


def _timeout(wiring: Wiring, account: Account, limits: Limits) -> float:
    """The method's own timeout, or the deployment's; an account's can only shorten it."""
    ceiling = float(LIMITS["call_timeout_s"].ceiling)
    usual = wiring.method.timeout_s or float(limits.call_timeout_s)
    return min(usual, ceiling, account.overrides.timeout_s or ceiling)


def _page(draft: Draft, turn: Turn) -> None:
    draft.query.update(turn.values)
    draft.headers.extend(turn.headers)
    if turn.body is not MISSING:
        draft.body = _over(draft.body, turn.body)


def _text(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        raise InvalidArguments("An argument holds a character that cannot be sent.") from None
