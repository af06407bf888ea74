"""What people may write, as pydantic models: integration.yaml, records, overlay and examples.

Templates and expressions are compiled while the models are checked. Rules that span several parts
of the document stand in `crosscheck.py`.
"""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    TypeAdapter,
    WithJsonSchema,
)

from mcpassport.integrations.schema_content import Capability
from mcpassport.integrations.schema_content import Content as ContentBlocks
from mcpassport.integrations.schema_examples import Example, RecordedExample
from mcpassport.integrations.schema_kinds import (
    Annotations,
    Authorization,
    Credential,
    RateLimit,
    Strict,
)
from mcpassport.integrations.schema_paging import Pagination
from mcpassport.integrations.schema_text import (
    BaseUrl,
    Body,
    DataPath,
    Headers,
    HostPattern,
    IntegrationName,
    Jsonata,
    Name,
    PathTemplate,
    PropertyName,
    Query,
    Scalar,
    Tag,
    Text,
    TimeoutSeconds,
    WebUrl,
    mistake,
)


def _schema(value: Any) -> Any:
    if not isinstance(value, dict | bool):
        raise mistake("This is not a JSON Schema.", "Write a mapping such as {type: object, …}.")
    return value


JsonSchemaText: TypeAlias = Annotated[
    Any, BeforeValidator(_schema), WithJsonSchema({"type": ["object", "boolean"]})
]


class Method(Strict):
    """One method of a resource; what is omitted is inherited from the integration."""

    http: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: PathTemplate
    query: Query = Field(default_factory=dict)
    headers: Headers = Field(default_factory=dict)
    body: Body = None
    body_format: Literal["json", "form", "multipart", "raw"] = "json"
    request: Jsonata | None = None
    response: Jsonata | None = None
    response_path: DataPath | None = None
    id_param: PropertyName = "id"
    content: ContentBlocks = "auto"
    stream: Literal["none", "ndjson", "sse"] = "none"
    progress: Jsonata | None = None
    final: Jsonata | None = None
    requires_client_capabilities: list[Capability] = Field(default_factory=list)
    pagination: Pagination | None = None
    rate_limit: RateLimit | None = None
    errors: Jsonata | None = None
    scopes: list[Text] = Field(default_factory=list)
    tags: list[Tag] = Field(default_factory=list)
    annotations: Annotations = Field(default_factory=Annotations)
    timeout_s: TimeoutSeconds | None = None


class Resource(Strict):
    """One resource; `singular` serves the tool names, `tags` the filters."""

    label: Text | None = None
    singular: Name | None = None
    tags: list[Tag] = Field(default_factory=list)
    methods: dict[Name, Method]


class Config(Strict):
    """The content of integration.yaml."""

    format: Literal[1]
    name: IntegrationName
    label: Text
    description: str = ""
    documentation_url: WebUrl | None = None
    base_url: BaseUrl
    allowed_hosts: list[HostPattern] = Field(default_factory=list)
    headers: Headers = Field(default_factory=dict)
    query: Query = Field(default_factory=dict)
    query_array_format: Literal["repeat", "comma", "brackets", "indices"] = "repeat"
    timeout_s: TimeoutSeconds | None = None
    credentials: Annotated[list[Credential], Field(min_length=1)]
    authorization: Authorization
    pagination: Pagination | None = None
    rate_limit: RateLimit | None = None
    errors: Jsonata | None = None
    resources: Annotated[dict[Name, Resource], Field(min_length=1)]


class Record(Strict):
    """A documentation record: description and schemas of one `(resource, method)`.

    An empty description is no mistake here: the quality gate drops the method and says so.
    """

    resource: Name
    method: Name
    title: Text | None = None
    description: str = ""
    path_schema: JsonSchemaText = None
    query_schema: JsonSchemaText = None
    header_schema: JsonSchemaText = None
    body_schema: JsonSchemaText = None
    response_schema: JsonSchemaText = None
    strict_output: bool = False
    deprecated: bool = False
    examples: list[Example] = Field(default_factory=list)


class Content(Strict):
    """An integration as one document, the form in which the management API takes it."""

    config: Config
    documentation: list[Record]


class Documented(Strict):
    """What can still be checked when integration.yaml cannot be read."""

    documentation: list[Record]


def _method_pattern(text: str) -> str:
    if text.count(".") != 1 or not all(text.split(".")):
        raise mistake("This is not resource.method.", "Write contacts.list, or contacts.*.")
    return text


MethodPattern: TypeAlias = Annotated[str, AfterValidator(_method_pattern)]


class Derive(Strict):
    """A new resource made of a generic one by fixing some of its arguments."""

    resource: Name
    source: Name = Field(alias="from")
    args: Annotated[dict[str, Scalar], Field(min_length=1)]
    label: Text | None = None
    singular: Name | None = None
    tags: list[Tag] | None = None
    methods: Annotated[list[Name], Field(min_length=1)] | None = None
    words: dict[Text, Text] = Field(default_factory=dict)


class Patch(Strict):
    """RFC 7396 merge patches; records are keyed `resource.method`."""

    config: dict[str, Any] = Field(default_factory=dict)
    records: dict[MethodPattern, dict[str, Any] | None] = Field(default_factory=dict)


class Overlay(Strict):
    """Hand edits over an imported description, applied in this order."""

    keep: list[MethodPattern] | None = None
    derive: list[Derive] = Field(default_factory=list)
    patch: Patch = Field(default_factory=Patch)


_EDITED: dict[str, Any] = {
    "integration.yaml": Config,
    "docs": list[Record],
    "overlay.yaml": Overlay,
    "examples": list[RecordedExample],
}


def json_schema() -> dict[str, dict[str, Any]]:
    """A JSON Schema (2020-12) for editors, by the file or folder it describes."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {name: dialect | TypeAdapter(kind).json_schema() for name, kind in _EDITED.items()}
