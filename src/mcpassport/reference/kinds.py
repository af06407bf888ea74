"""What the kinds of an integration do, in words: one row for each of their tables."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from mcpassport.records.integration import Authorization, Method, Pagination
from mcpassport.reference.facts import code_list, safe

OURS: Final = "sealed"
_FORM_LISTS: Final[dict[str, str]] = {
    "repeat": "lists repeat their name",
    "comma": "lists are joined by commas",
    "brackets": "lists are written `name[]`, members of objects `name[member]`",
    "indices": "lists are written `name[0]`, members of objects `name[member]`",
}


def _cursor(paging: Pagination) -> str:
    at = f", found at {_code(paging.cursor_path)} of its answer" if paging.cursor_path else ""
    return f"The upstream API's own cursor{at}, passed on unchanged"


def _page(paging: Pagination) -> str:
    told = f"; the answer's {_code(paging.next_path)} tells the next" if paging.next_path else ""
    return f"A page number in {_code(paging.page_param)}{told}; {OURS}"


def _offset(paging: Pagination) -> str:
    told = ""
    if paging.total_path:
        told = f"; the answer's {_code(paging.total_path)} tells how many there are"
    elif paging.next_path:
        told = f"; the answer's {_code(paging.next_path)} tells the next"
    return f"How many records to skip, in {_code(paging.offset_param)}{told}; {OURS}"


def _link_header(_paging: Pagination) -> str:
    return f"The `Link` header (RFC 8288): the query of its `next` URL, {OURS}"


def _next_url(paging: Pagination) -> str:
    if paging.next_header:
        return f"A URL in the header {_code(paging.next_header)}: its query, {OURS}"
    return f"A URL at {_code(paging.next_path)} of the body: its query, {OURS}"


def _range(paging: Pagination) -> str:
    way = "`Range` and `Range-Unit`" if paging.unit_header else "`Range`"
    return f"A position of {_code(paging.unit)} in {way} (RFC 9110), {OURS}"


def _expression(_paging: Pagination) -> str:
    return f"What an expression makes of the answer for the next request, {OURS}"


def _none(_paging: Pagination) -> str:
    return "One page; nothing is injected"


PAGING_WORDS: Final[Mapping[str, Callable[[Pagination], str]]] = MappingProxyType(
    {
        "cursor": _cursor,
        "page": _page,
        "offset": _offset,
        "link_header": _link_header,
        "next_url": _next_url,
        "range": _range,
        "expression": _expression,
        "none": _none,
    }
)
"""By the table `PAGINATIONS`: what the cursor is."""


def _in_query(authorization: Authorization) -> str:
    return (
        f"in the query, as {_code(authorization.name)}. It joins the address where the request is "
        "sent; servers and proxies of the upstream API may write addresses into their logs"
    )


AUTHORIZATION_WORDS: Final[Mapping[str, Callable[[Authorization], str]]] = MappingProxyType(
    {
        "bearer": lambda _: "as `Authorization: Bearer` (RFC 6750)",
        "basic": lambda _: "as `Authorization: Basic` (RFC 7617)",
        "header": lambda authorization: f"in the header {_code(authorization.name)}",
        "query": _in_query,
        "expression": lambda authorization: (
            f"in headers that an expression of the integration makes of it: "
            f"{code_list(authorization.headers)}. The expression runs in the process that opened "
            "the credential"
        ),
    }
)
"""By the table `AUTHORIZATIONS`: where the credential stands in a request."""


def _form(method: Method) -> str:
    return f"`application/x-www-form-urlencoded`; {_FORM_LISTS[method.query_array_format]}"


BODY_WORDS: Final[Mapping[str, Callable[[Method], str]]] = MappingProxyType(
    {
        "json": lambda _: "`application/json`, or the JSON type that its headers name",
        "form": _form,
        "multipart": lambda _: (
            "`multipart/form-data` (RFC 7578); files arrive as Base64 and are sent as bytes"
        ),
        "raw": lambda _: "One text, or the bytes of one file, as the whole body",
    }
)
"""By the table `BODY_FORMATS`: how a body is written."""


def _code(name: str | None) -> str:
    return f"`{safe(name or '')}`"


def paging_words(paging: Pagination) -> str:
    """What the cursor of such a list is."""
    return PAGING_WORDS[paging.kind](paging)


def authorization_words(authorization: Authorization) -> str:
    """Where the credential stands in a request."""
    return AUTHORIZATION_WORDS[authorization.kind](authorization)


def body_words(method: Method) -> str:
    """How the bodies of that method are written."""
    return BODY_WORDS[method.body_format](method)
