"""What can be asked of a chain: filters, direction and form of `/audit`, direction of `/event`.

A page of JSON looks through a bounded number of rows. A stream goes on to the end of the chain, in
small reads between which other requests have their turn.
"""

import re
from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from mcpassport.audit.edge import EDGE
from mcpassport.audit.export import COLUMNS, EDGE_COLUMNS, as_csv, as_dict, as_lines, csv_head
from mcpassport.audit.query import Walk, Wanted, find, stream
from mcpassport.audit.segments import FILTERED
from mcpassport.edge.api.incoming import Moment
from mcpassport.edge.api.outgoing import PageOf
from mcpassport.edge.api.principal import Acting
from mcpassport.errors import InvalidInput
from mcpassport.records.audit import ChainedRow, Phase
from mcpassport.store.protocol import PLATFORM, AuditStore

Form: TypeAlias = Literal["json", "ndjson", "csv"]
PAGE = 50
PAGE_MAX = 200
STREAM_MAX = 10_000
"""Rows of one NDJSON or CSV answer; the sequence of its last row is the cursor of the next."""
MEDIA_TYPES: dict[Form, str] = {"ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
_SEQUENCE = re.compile(r"[0-9]{1,18}")

Text: TypeAlias = Annotated[str | None, Field(min_length=1, max_length=200)]


class PageQuery(BaseModel):
    """A direction along a chain, and a page of it."""

    cursor: str | None = Field(None, description="`next_cursor` of the page before, unchanged")
    limit: int | None = Field(
        None, ge=1, le=STREAM_MAX, description=f"rows; at most {PAGE_MAX} as JSON, then {PAGE}"
    )
    oldest_first: bool = Field(False, description="follow the chain from its start")

    def walk(self) -> Walk:
        """Where to begin, and which way."""
        if self.cursor is not None and not _SEQUENCE.fullmatch(self.cursor):
            raise InvalidInput("The cursor is not valid: send back the `next_cursor` you received.")
        return Walk(int(self.cursor or 0), newest_first=not self.oldest_first)

    def page_size(self) -> int:
        """Rows of a page of JSON."""
        limit = PAGE if self.limit is None else self.limit
        if limit > PAGE_MAX:
            raise InvalidInput(f"A page of JSON has at most {PAGE_MAX} rows; ask for NDJSON.")
        return limit


class FeedQuery(PageQuery):
    """The same of a tenant's chain."""

    tenant: str | None = Field(None, description="the tenant; absent: the deployment's own chain")

    def chain(self, acting: Acting) -> str:
        """A tenant's own chain, the one that an admin names, or the deployment's own."""
        named = acting.principal.tenant or self.tenant
        return acting.tenant(self.tenant) if named else PLATFORM


class RowsQuery(PageQuery):
    """The same with filters, and in one of three forms: a row fits if every filter does."""

    reason: Text = Field(None, description="why it was denied")
    since: Moment | None = Field(None, alias="from", description="at or after this time")
    until: Moment | None = Field(None, alias="to", description="before this time")
    form: Form | None = Field(
        None, alias="format", description="json, ndjson or csv; absent: by the Accept header"
    )

    def wanted(self) -> Wanted:
        """The filters as the audit takes them."""
        given = ((name, getattr(self, name, None)) for name in FILTERED)
        since: datetime | None = self.since
        return Wanted(tuple((name, value) for name, value in given if value), since, self.until)


class AuditQuery(RowsQuery, FeedQuery):
    """Which rows of a tenant's chain, and in which form."""

    phase: Phase | None = Field(None, description="intent, outcome, refusal or event")
    account: Text = Field(None, description="id of an integrated account")
    server: Text = Field(None, description="id of an MCP server")
    tool: Text = Field(None, description="name of a tool")
    outcome: Text = Field(None, description="`ok`, or the type of an error")
    request_id: Text = Field(None, description="the rows of one request")


async def answered(
    audit: AuditStore, chain: str, query: RowsQuery, request: Request
) -> PageOf[dict[str, Any]] | Response:
    """The rows that were asked for, in the form that was asked for."""
    form = _form_of(query, request)
    if form == "json":
        return await page_of(audit, chain, query.wanted(), query)
    return await _streamed(audit, chain, query, form)


async def page_of(
    audit: AuditStore, chain: str, wanted: Wanted, query: PageQuery
) -> PageOf[dict[str, Any]]:
    """One page of JSON."""
    found = await find(audit, chain, wanted, query.walk(), limit=query.page_size())
    following = None if found.following is None else str(found.following)
    return PageOf(result=[as_dict(row) for row in found.rows], next_cursor=following)


async def checkpoints_of(audit: AuditStore, chain: str, query: PageQuery) -> PageOf[dict[str, Any]]:
    """One page of the signed checkpoints of a chain."""
    walk, size = query.walk(), query.page_size()
    found = await audit.checkpoints(
        chain, after=walk.after, limit=size + 1, newest_first=walk.newest_first
    )
    following = str(found[size - 1].sequence) if len(found) > size else None
    shown = [msgspec.to_builtins(item) for item in found[:size]]
    return PageOf(result=shown, next_cursor=following)


def _form_of(query: RowsQuery, request: Request) -> Form:
    """The form that was asked for by name, else the first of ours in `Accept`, else JSON."""
    if query.form is not None:
        return query.form
    for part in request.headers.get("accept", "").lower().split(","):
        for form, media_type in MEDIA_TYPES.items():
            if part.partition(";")[0].strip() == media_type.partition(";")[0]:
                return form
    return "json"


async def _streamed(
    audit: AuditStore, chain: str, query: RowsQuery, form: Form
) -> StreamingResponse:
    """Rows as NDJSON or CSV; a store that is gone is told before the first byte."""
    limit = STREAM_MAX if query.limit is None else query.limit
    batches = stream(audit, chain, query.wanted(), query.walk(), limit=limit)
    first: list[ChainedRow] = await anext(batches, [])
    columns = EDGE_COLUMNS if chain == EDGE else COLUMNS
    encode = partial(as_csv, columns=columns) if form == "csv" else as_lines

    async def body() -> AsyncIterator[bytes]:
        yield (csv_head(columns) if form == "csv" else b"") + encode(first)
        async for rows in batches:
            yield encode(rows)

    return StreamingResponse(body(), media_type=MEDIA_TYPES[form])
