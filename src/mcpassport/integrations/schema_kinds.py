"""Kinds with members of their own: credentials and authorization; and rate limits, annotations.

A kind that the format names and this version lacks is refused with "not in this version".
"""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mcpassport.integrations.schema_text import (
    FieldName,
    HeaderName,
    HeaderValue,
    Jsonata,
    ParamName,
    Regex,
    Text,
    not_in_version,
)


class Strict(BaseModel):
    """A mapping that people write: unknown keys and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True)


_LATER: dict[str, tuple[str, ...]] = {
    "credential": ("oauth2_authorization_code", "oauth2_client_credentials"),
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


class QueryAuthorization(Strict):
    """A query value of that name: the credential's `key`, or `token`."""

    kind: Literal["query"]
    name: ParamName


class ExpressionAuthorization(Strict):
    """JSONata over `{credentials}` gives the headers, which are those of `headers`."""

    kind: Literal["expression"]
    headers: Annotated[list[HeaderName], Field(min_length=1, max_length=16)]
    value: Jsonata


Authorization: TypeAlias = Annotated[
    BearerAuthorization
    | BasicAuthorization
    | HeaderAuthorization
    | QueryAuthorization
    | ExpressionAuthorization,
    Field(discriminator="kind"),
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
