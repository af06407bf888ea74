"""The effective integration config: inherited, defaults filled in, ready to call.

`integrations/` compiles what people write into these types; `catalog/` and `upstream/` read them.
"""

from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

JsonSchema: TypeAlias = dict[str, Any] | bool
HttpMethod: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
QueryArrayFormat: TypeAlias = Literal["repeat", "comma", "brackets", "indices"]
ResetUnit: TypeAlias = Literal["seconds", "epoch", "epoch_ms", "http_date", "iso8601"]
ContentKind: TypeAlias = Literal["text", "image", "audio", "resource"]
BodyFormat: TypeAlias = Literal["json", "form", "multipart", "raw"]
StreamKind: TypeAlias = Literal["none", "ndjson", "sse"]

STANDARD_METHODS = ("list", "get", "create", "update", "delete")
"""Method names with a meaning of their own; any other name is a custom method."""


class CredentialField(Struct, frozen=True):
    """One value that an account must bring."""

    name: str
    label: str
    help: str = ""
    secret: bool = True
    pattern: str | None = None


class OAuthEndpoints(Struct, frozen=True, kw_only=True):
    """Where tokens of an upstream API are made, and what is asked for (RFC 6749)."""

    token_url: str
    authorize_url: str = ""
    """Empty: no user is asked, the account brings a client of its own."""
    scopes: tuple[str, ...] = ()
    """Asked for always, beside those of the methods that are enabled."""
    scope_separator: str = " "
    client_auth: Literal["basic", "post"] = "basic"
    extra_params: dict[str, str] = field(default_factory=dict)
    """Added to what the user's browser asks the provider for."""


class Credential(Struct, frozen=True):
    """One kind of credential that an account may bring."""

    kind: str
    fields: tuple[CredentialField, ...]
    oauth: OAuthEndpoints | None = None


class Authorization(Struct, frozen=True):
    """How a credential is applied; which members count depends on `kind`."""

    kind: str
    name: str | None = None
    """Of the header, or of the query value."""
    value: str | None = None
    """A template of kind `header`, JSONata of kind `expression`."""
    headers: tuple[str, ...] = ()
    """What kind `expression` sets."""


class Pagination(Struct, frozen=True):
    """How a list is paged; which members count depends on `kind`."""

    kind: str
    limit_param: str | None = None
    cursor_param: str | None = None
    cursor_path: str | None = None
    page_param: str | None = None
    first_page: int = 1
    next_header: str | None = None
    next_path: str | None = None
    default_limit: int | None = None
    max_limit: int | None = None
    offset_param: str | None = None
    first_offset: int = 0
    total_path: str | None = None
    unit: str = "items"
    """The range unit (RFC 9110, 14.1) of kind `range`."""
    unit_header: bool = False
    """Whether the unit goes in a header of its own, `Range-Unit`."""
    first: str | None = None
    """JSONata of kind `expression`: what the request of the first page adds."""
    next: str | None = None
    """JSONata of kind `expression`: what the request of the next page adds."""
    params: tuple[str, ...] = ()
    """Query parameters that the expressions set, so that they leave the input."""


class RateLimitMap(Struct, frozen=True):
    """JSONata sources over `{status, headers, body}`."""

    is_limited: str | None = None
    limit: str | None = None
    remaining: str | None = None
    reset: str | None = None
    reset_unit: ResetUnit = "seconds"
    retry_after: str | None = None


class ContentBlock(Struct, frozen=True):
    """How one block of a tool's answer is made: `value` is JSONata, `uri` a template."""

    type: ContentKind
    value: str
    mime_type: str | None = None
    uri: str | None = None


class Annotations(Struct, frozen=True):
    """Hints for MCP clients (spec: server/tools), always all four."""

    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool = True


class Method(Struct, frozen=True, kw_only=True):
    """One `(resource, method)` with everything it inherits filled in."""

    resource: str
    method: str
    http: HttpMethod
    base_url: str
    path: str
    allowed_hosts: tuple[str, ...] = ()
    query: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    query_array_format: QueryArrayFormat = "repeat"
    body: Any = None
    body_format: BodyFormat = "json"
    request: str | None = None
    response: str | None = None
    response_path: str | None = None
    id_param: str = "id"
    """What the tool calls the argument that the path keeps as `{{args.id}}`."""
    content: tuple[ContentBlock, ...] = ()
    """The blocks of the answer; none: by the content type of the response."""
    stream: StreamKind = "none"
    progress: str | None = None
    final: str | None = None
    requires_client_capabilities: tuple[str, ...] = ()
    authorization: Authorization
    pagination: Pagination
    rate_limit: RateLimitMap | None = None
    errors: str | None = None
    scopes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    annotations: Annotations
    timeout_s: float | None = None


class Resource(Struct, frozen=True, kw_only=True):
    """One resource of an integration; `singular` serves the tool names."""

    name: str
    label: str
    singular: str
    tags: tuple[str, ...] = ()


class Documentation(Struct, frozen=True, kw_only=True):
    """A documentation record: description and JSON Schemas of one `(resource, method)`."""

    resource: str
    method: str
    description: str = ""
    """Empty: the quality gate drops the method."""
    title: str | None = None
    path_schema: JsonSchema | None = None
    query_schema: JsonSchema | None = None
    header_schema: JsonSchema | None = None
    body_schema: JsonSchema | None = None
    response_schema: JsonSchema | None = None
    strict_output: bool = False
    deprecated: bool = False
    examples: tuple[Any, ...] = ()


class Integration(Struct, frozen=True, kw_only=True):
    """One upstream API, compiled. `digest` is SHA-256 (hex) of the RFC 8785 JSON of its content."""

    name: str
    label: str
    description: str = ""
    documentation_url: str | None = None
    base_url: str
    allowed_hosts: tuple[str, ...] = ()
    credentials: tuple[Credential, ...]
    authorization: Authorization
    resources: tuple[Resource, ...]
    methods: tuple[Method, ...]
    documentation: tuple[Documentation, ...]
    digest: str
    version: int = 0
