"""What a description says, whatever its dialect: plain values that the mapping works on."""

from typing import Literal, TypeAlias

from msgspec import Struct

from mcpassport.records.findings import Finding
from mcpassport.records.integration import (
    BodyFormat,
    HttpMethod,
    JsonSchema,
    QueryArrayFormat,
    StreamKind,
)

Place: TypeAlias = Literal["path", "query", "header"]
SchemeKind: TypeAlias = Literal["bearer", "basic", "header", "query", "other"]


class Scheme(Struct, frozen=True):
    """A security scheme; `key` names the header or the query value of those kinds."""

    name: str
    kind: SchemeKind
    where: str
    key: str = ""
    said: str = ""
    """What the description calls it, for findings."""
    help: str = ""


class Parameter(Struct, frozen=True, kw_only=True):
    """One parameter of an operation, its schema self-contained."""

    name: str
    place: Place
    schema: JsonSchema
    where: str
    required: bool = False
    array_format: QueryArrayFormat | None = None
    """How a list is written into the query; None when the schema is no list."""


class Body(Struct, frozen=True):
    """What is sent: its schema, self-contained, and how it is written.

    `media_type` is what must be said of JSON that is not plainly so. `arrays` is how the lists of
    a form are written, by member; what is not in it repeats its name.
    """

    schema: JsonSchema
    format: BodyFormat = "json"
    media_type: str = ""
    where: str = ""
    arrays: dict[str, QueryArrayFormat] = {}


class Response(Struct, frozen=True):
    """The answer on success: its schema, self-contained, and the headers it declares.

    `accept` is what to ask for where JSON is not what comes; the schema of a stream is left out.
    """

    schema: JsonSchema | None = None
    headers: frozenset[str] = frozenset()
    accept: str = ""
    stream: StreamKind = "none"
    where: str = ""
    """Where the media type stands, for findings."""


class Operation(Struct, frozen=True, kw_only=True):
    """One HTTP method on one path. Not `usable`: it counts for names, and is not written."""

    http: HttpMethod
    path: str
    where: str
    operation_id: str = ""
    summary: str = ""
    description: str = ""
    deprecated: bool = False
    tags: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    response: Response = Response()
    usable: bool = True
    findings: tuple[Finding, ...] = ()


class Api(Struct, frozen=True, kw_only=True):
    """A whole description. `servers` are absolute URLs, or paths when no host is named."""

    file: str
    title: str
    description: str
    documentation_url: str
    servers: tuple[str, ...]
    schemes: tuple[Scheme, ...]
    """Those that requests need, the first one first."""
    operations: tuple[Operation, ...]
