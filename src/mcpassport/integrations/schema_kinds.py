"""Kinds with members of their own: credentials, authorization, pagination; and rate limits.

A kind that the format names and this version lacks is refused with "not in this version".
"""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mcpassport.integrations.schema_text import (
    DataPath,
    FieldName,
    HeaderName,
    HeaderValue,
    Jsonata,
    ParamName,
    Regex,
    Text,
    mistake,
    not_in_version,
)


class Strict(BaseModel):
    """A mapping that people write: unknown keys and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True)


_LATER: dict[str, tuple[str, ...]] = {
    "credential": ("oauth2_authorization_code", "oauth2_client_credentials"),
    "authorization": ("query", "expression"),
    "pagination": ("offset", "range", "expression"),
}


def _later(slot: str, known: tuple[str, ...]) -> BeforeValidator:
    def refuse(value: Any) -> Any:
        kind = value.get("kind") if isinstance(value, dict) else None
        if kind in _LATER[slot]:
            raise not_in_version(f"The {slot} kind '{kind}'", f"Use one of: {', '.join(known)}.")
        return value

    return BeforeValidator(refuse)


class CredentialField(Strict):
    """One value that an account must bring."""

    name: FieldName
    label: Text
    help: str = ""
    secret: bool = True
    pattern: Regex | None = None


class BearerCredential(Strict):
    """A bearer token (RFC 6750). Default field: `token`."""

    kind: Literal["bearer"]
    fields: list[CredentialField] = Field(default_factory=list)


class BasicCredential(Strict):
    """A user name and a password (RFC 7617). Default fields: `username`, `password`."""

    kind: Literal["basic"]
    fields: list[CredentialField] = Field(default_factory=list)


class ApiKeyCredential(Strict):
    """A key of the vendor's own kind. Default field: `key`."""

    kind: Literal["api_key"]
    fields: list[CredentialField] = Field(default_factory=list)


Credential: TypeAlias = Annotated[
    Annotated[BearerCredential | BasicCredential | ApiKeyCredential, Field(discriminator="kind")],
    _later("credential", ("bearer", "basic", "api_key")),
]


class BearerAuthorization(Strict):
    """`Authorization: Bearer <credentials.token>`."""

    kind: Literal["bearer"]


class BasicAuthorization(Strict):
    """`Authorization: Basic` of `credentials.username` and `credentials.password`."""

    kind: Literal["basic"]


class HeaderAuthorization(Strict):
    """A header of that name; `value` is a template with `{{credentials.x}}`."""

    kind: Literal["header"]
    name: HeaderName
    value: HeaderValue


Authorization: TypeAlias = Annotated[
    Annotated[
        BearerAuthorization | BasicAuthorization | HeaderAuthorization,
        Field(discriminator="kind"),
    ],
    _later("authorization", ("bearer", "basic", "header")),
]

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


Pagination: TypeAlias = Annotated[
    Annotated[
        CursorPagination | PagePagination | LinkHeaderPagination | NextUrlPagination | NoPagination,
        Field(discriminator="kind"),
    ],
    _later("pagination", ("cursor", "page", "link_header", "next_url", "none")),
]


class RateLimit(Strict):
    """JSONata over `{status, headers, body}`, for products that tell limits in their own way."""

    is_limited: Jsonata | None = None
    limit: Jsonata | None = None
    remaining: Jsonata | None = None
    reset: Jsonata | None = None
    reset_unit: Literal["seconds", "epoch", "epoch_ms", "http_date", "iso8601"] = "seconds"
    retry_after: Jsonata | None = None


class Annotations(Strict):
    """Hints for MCP clients; what is not stated follows from the method."""

    read_only: bool | None = None
    destructive: bool | None = None
    idempotent: bool | None = None
    open_world: bool | None = None
