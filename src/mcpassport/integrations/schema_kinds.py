"""Kinds with members of their own: credentials and authorization; and rate limits, annotations."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from mcpassport.integrations.schema_text import (
    Endpoint,
    FieldName,
    HeaderName,
    HeaderValue,
    Jsonata,
    ParamName,
    Regex,
    Scope,
    Text,
)


class Strict(BaseModel):
    """A mapping that people write: unknown keys and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True)


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


class OAuth(Strict):
    """What the kinds of OAuth 2.0 share: where tokens are made, and what is asked for."""

    token_url: Endpoint
    scopes: list[Scope] = Field(default_factory=list)
    """Asked for always, beside the scopes of the methods that are enabled."""
    scope_separator: Literal[" ", ","] = " "
    client_auth: Literal["basic", "post"] = "basic"
    extra_params: dict[ParamName, Text] = Field(default_factory=dict)


class AuthorizationCodeCredential(OAuth):
    """A user allows it on the provider's page (RFC 6749, 4.1; PKCE S256). Field: `token`."""

    kind: Literal["oauth2_authorization_code"]
    authorize_url: Endpoint


class ClientCredentialsCredential(OAuth):
    """The account's own client (RFC 6749, 4.4). Default fields: `client_id`, `client_secret`."""

    kind: Literal["oauth2_client_credentials"]
    fields: list[CredentialField] = Field(default_factory=list)


Credential: TypeAlias = Annotated[
    BearerCredential
    | BasicCredential
    | ApiKeyCredential
    | AuthorizationCodeCredential
    | ClientCredentialsCredential,
    Field(discriminator="kind"),
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
