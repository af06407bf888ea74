"""The styles of pagination, each with members of its own."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, StringConstraints, model_validator

from mcpassport.integrations.schema_kinds import Strict
from mcpassport.integrations.schema_text import DataPath, HeaderName, Jsonata, ParamName, mistake

_Count = Annotated[int, Field(ge=1, le=100_000)]


class _Paged(Strict):
    """What every style of paging may say about the size of a page."""

    limit_param: ParamName | None = None
    default_limit: _Count | None = None
    max_limit: _Count | None = None

    @model_validator(mode="after")
    def _limits_fit(self) -> "_Paged":
        if self.limit_param is None and (self.default_limit or self.max_limit):
            raise mistake(
                "A page size is given, but not the parameter that carries it.",
                "Add limit_param, or remove default_limit and max_limit.",
            )
        if self.default_limit and self.max_limit and self.default_limit > self.max_limit:
            raise mistake("default_limit is over max_limit.", "Lower default_limit.")
        return self


class CursorPagination(_Paged):
    """The body holds a cursor at `cursor_path`; it is sent back as `cursor_param`.

    A response expression may give `next_cursor` instead of the path, a request expression may
    place it instead of the parameter.
    """

    kind: Literal["cursor"]
    cursor_path: DataPath | None = None
    cursor_param: ParamName | None = None


class PagePagination(_Paged):
    """Pages are numbered from `first_page`; `next_path` may hold the next number or a flag."""

    kind: Literal["page"]
    page_param: ParamName
    first_page: Annotated[int, Field(ge=0, le=1)] = 1
    next_path: DataPath | None = None


class LinkHeaderPagination(_Paged):
    """The `Link` header names the next page (RFC 8288, `rel="next"`)."""

    kind: Literal["link_header"]
    cursor_param: ParamName | None = None


class NextUrlPagination(_Paged):
    """A header, or the body at a path, holds the URL of the next page."""

    kind: Literal["next_url"]
    next_header: HeaderName | None = None
    next_path: DataPath | None = None
    cursor_param: ParamName | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "NextUrlPagination":
        if (self.next_header is None) == (self.next_path is None):
            raise mistake(
                "The URL of the next page stands in a header or in the body: name exactly one.",
                "Write next_header: Next-Page, or next_path: paging.next.",
            )
        return self


class NoPagination(Strict):
    """The list comes whole."""

    kind: Literal["none"]


class OffsetPagination(_Paged):
    """So many records are skipped; the body may tell the next offset, or how many there are."""

    kind: Literal["offset"]
    offset_param: ParamName
    first_offset: Annotated[int, Field(ge=0, le=1)] = 0
    next_path: DataPath | None = None
    total_path: DataPath | None = None

    @model_validator(mode="after")
    def _one_end(self) -> "OffsetPagination":
        if self.next_path is not None and self.total_path is not None:
            raise mistake(
                "Both next_path and total_path are given, and one end of a list is enough.",
                "Keep next_path.",
            )
        return self


class RangePagination(Strict):
    """The `Range` header asks for positions, `Content-Range` tells them (RFC 9110, 14)."""

    kind: Literal["range"]
    unit: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=40)] = "items"
    unit_header: bool = False
    default_limit: _Count
    max_limit: _Count | None = None

    @model_validator(mode="after")
    def _limits_fit(self) -> "RangePagination":
        if self.max_limit and self.default_limit > self.max_limit:
            raise mistake("default_limit is over max_limit.", "Lower default_limit.")
        return self


class ExpressionPagination(Strict):
    """JSONata says what the requests of the first and of the next page add.

    `limit` is offered where `limit_param` or `default_limit` is given.
    """

    kind: Literal["expression"]
    first: Jsonata | None = None
    next: Jsonata
    params: list[ParamName] = Field(default_factory=list)
    limit_param: ParamName | None = None
    default_limit: _Count | None = None
    max_limit: _Count | None = None

    @model_validator(mode="after")
    def _limits_fit(self) -> "ExpressionPagination":
        if self.max_limit and not (self.limit_param or self.default_limit):
            raise mistake(
                "A largest page size is given, and no page size to begin with.",
                "Add default_limit; the expressions see the size in force as limit.",
            )
        if self.default_limit and self.max_limit and self.default_limit > self.max_limit:
            raise mistake("default_limit is over max_limit.", "Lower default_limit.")
        return self


Pagination: TypeAlias = Annotated[
    CursorPagination
    | PagePagination
    | OffsetPagination
    | LinkHeaderPagination
    | NextUrlPagination
    | RangePagination
    | ExpressionPagination
    | NoPagination,
    Field(discriminator="kind"),
]
