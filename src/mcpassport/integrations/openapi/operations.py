"""What both dialects share: the walk over paths and methods, parameters merged, scopes read."""

import re
from typing import Final, Protocol

from msgspec.structs import replace

from mcpassport.catalog.parts import FORBIDDEN_HEADERS
from mcpassport.integrations.openapi.documents import Documents, Node
from mcpassport.integrations.openapi.model import Api, Body, Operation, Parameter, Response, Scheme
from mcpassport.integrations.openapi.report import Report
from mcpassport.integrations.openapi.schemas import SchemaReader
from mcpassport.integrations.openapi.text import one_line, plain_text
from mcpassport.records.integration import HttpMethod

METHODS: Final[dict[str, HttpMethod]] = {
    "get": "GET",
    "post": "POST",
    "put": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
}
_OTHER_METHODS = ("head", "options", "trace")
_CONNECTION_HEADERS: Final = FORBIDDEN_HEADERS | {
    *("accept", "accept-charset", "accept-encoding", "user-agent"),
}
"""Set by the connection, the credential or the body."""
_CONDITIONAL_HEADERS: Final = frozenset(
    ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range"]
)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TITLE_MAX = 80


class Unmappable(Exception):
    """This operation cannot be a tool; the finding says why."""

    def __init__(self, rule: str, node: Node, message: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.node = node


class Source:
    """What a dialect reads from: the files, their schemas, and where findings go."""

    def __init__(self, documents: Documents, report: Report, *, modern: bool = False) -> None:
        self.documents = documents
        self.schemas = SchemaReader(documents, report, modern=modern)
        self.report = report

    @property
    def root(self) -> Node:
        """The top of the main file."""
        return self.documents.root

    def follow(self, node: Node) -> Node | None:
        """What a `$ref` leads to."""
        return self.documents.follow(node)

    def add(self, rule: str, node: Node, message: str) -> None:
        """Report something at that place."""
        self.report.add(rule, node.where, message)


class Dialect(Protocol):
    """One version of the description language."""

    @property
    def modern(self) -> bool:
        """Whether its schemas are those of JSON Schema 2020-12."""

    def servers(self, source: Source) -> tuple[str, ...]:
        """URLs, or paths when no host is named."""

    def schemes(self, source: Source) -> tuple[Scheme, ...]:
        """All security schemes, in the order of the file."""

    def parameter(self, source: Source, node: Node) -> Parameter | None:
        """One parameter, its `$ref` followed; None when it is none of path, query and header."""

    def body(self, source: Source, operation: Node, parameters: list[Node]) -> Body | None:
        """The body. `Unmappable` when no body format can write it."""

    def response(self, source: Source, operation: Node) -> Response:
        """The answer on success. `Unmappable` when it is something else than JSON."""


def read_api(source: Source, dialect: Dialect) -> Api:
    """The whole description in terms of the model."""
    root, info = source.root, source.root.child("info")
    schemes = dialect.schemes(source)
    _webhooks(source)
    return Api(
        file=root.file,
        title=one_line(info.text("title"), _TITLE_MAX),
        description=plain_text(info.text("description")),
        documentation_url=root.child("externalDocs").text("url"),
        servers=dialect.servers(source),
        schemes=_needed(root, schemes),
        operations=tuple(_operations(source, dialect)),
    )


def _needed(root: Node, schemes: tuple[Scheme, ...]) -> tuple[Scheme, ...]:
    """The schemes that requests name, in the order they name them; all when none is named."""
    lists = [root.child("security")]
    for _, item in root.child("paths").members():
        lists.extend(
            operation.child("security") for key, operation in item.members() if key in METHODS
        )
    names = dict.fromkeys(
        name for node in lists for entry in node.items() for name, _ in entry.members()
    )
    known = {scheme.name: scheme for scheme in schemes}
    return tuple(known[name] for name in names if name in known) or schemes


def _webhooks(source: Source) -> None:
    node = source.root.child("webhooks")
    if node.mapping:
        source.add("callbacks", node, "The webhooks are not read.")
    dialect = source.root.text("jsonSchemaDialect")
    if dialect and "json-schema.org/draft/2020-12" not in dialect and "/oas/3.1/" not in dialect:
        node = source.root.child("jsonSchemaDialect")
        source.add("schema", node, "The schemas are of another dialect; 2020-12 was read.")


def _operations(source: Source, dialect: Dialect) -> list[Operation]:
    found: list[Operation] = []
    for path, entry in source.root.child("paths").members():
        if path.startswith("x-"):
            continue
        item = source.follow(entry)
        if item is None or not isinstance(item.value, dict):
            source.add("malformed", entry, "This path has no operations that can be read.")
            continue
        for key in _OTHER_METHODS:
            if key in item.mapping:
                source.add("http_method", item.child(key), f"{key.upper()} has no tool.")
        present = [key for key in METHODS if key in item.mapping]
        found.extend(_operation(source, dialect, path, item, key) for key in present)
    return found


def _operation(source: Source, dialect: Dialect, path: str, item: Node, key: str) -> Operation:
    node = item.child(key)
    operation = Operation(
        http=METHODS[key],
        path=path,
        where=node.where,
        operation_id=node.text("operationId"),
        summary=one_line(node.text("summary"), _TITLE_MAX).rstrip("."),
        description=plain_text(node.text("description")) or plain_text(node.text("summary")),
        deprecated=node.flag("deprecated"),
        tags=node.texts("tags"),
        scopes=_scopes(source.root, node),
        usable=False,
    )
    with source.report.scope() as scope:
        try:
            operation = _filled(source, dialect, operation, (item, node))
        except Unmappable as reason:
            source.add(reason.rule, reason.node, str(reason))
    return replace(operation, findings=scope.findings)


def _filled(
    source: Source, dialect: Dialect, operation: Operation, nodes: tuple[Node, Node]
) -> Operation:
    item, node = nodes
    if not isinstance(node.value, dict):
        raise Unmappable("malformed", node, "This operation is not an object.")
    for level in (node, item):
        if level.child("servers").value:
            raise Unmappable(
                "server_override",
                level.child("servers"),
                "The operation is on a server of its own.",
            )
    if node.child("callbacks").value:
        source.add(
            "callbacks", node.child("callbacks"), "The callbacks of the operation are not read."
        )
    declared = _declared(source, item, node)
    response = dialect.response(source, node)
    body = dialect.body(source, node, declared)
    parameters = [_known(source, dialect, parameter, operation.http) for parameter in declared]
    return replace(
        operation,
        parameters=tuple(parameter for parameter in parameters if parameter is not None),
        body=body,
        response=response,
        usable=True,
    )


def _declared(source: Source, item: Node, operation: Node) -> list[Node]:
    """The parameters of the path, overridden and extended by those of the operation."""
    found: dict[tuple[str, str], Node] = {}
    for owner in (item, operation):
        for entry in owner.child("parameters").items():
            parameter = source.follow(entry)
            if parameter is None:
                continue
            if not parameter.text("name") or not parameter.text("in"):
                source.add(
                    "malformed", parameter, "A parameter without 'name' or 'in' was left out."
                )
                continue
            place, name = parameter.text("in"), parameter.text("name")
            found[place, name.lower() if place == "header" else name] = parameter
    return list(found.values())


def _known(source: Source, dialect: Dialect, node: Node, http: HttpMethod) -> Parameter | None:
    name, place = node.text("name"), node.text("in")
    if place in {"body", "formData"}:
        return None
    if place == "header" and name.lower() in _CONNECTION_HEADERS:
        return None
    if place == "header" and http == "GET" and name.lower() in _CONDITIONAL_HEADERS:
        source.add(
            "header", node, f"{name} was left out: a call keeps no earlier answer to compare."
        )
        return None
    if place == "header" and not _HEADER_NAME.fullmatch(name):
        source.add("parameter", node, f"'{name[:60]}' is no header name and was left out.")
        return None
    if place in {"path", "query", "header"}:
        return dialect.parameter(source, node)
    source.add("parameter", node, f"'{name[:60]}' travels in '{place[:20]}' and was left out.")
    return None


def _scopes(root: Node, operation: Node) -> tuple[str, ...]:
    """The OAuth scopes of the first security requirement that names any."""
    security = operation.child("security")
    requirements = security if isinstance(security.value, list) else root.child("security")
    for entry in requirements.items():
        for name, _ in entry.members():
            scopes = tuple(scope for scope in entry.texts(name) if scope)
            if scopes:
                return scopes
    return ()


def is_json(media_type: str) -> bool:
    """Whether a body of that media type can be sent and read as plain JSON."""
    plain = media_type.partition(";")[0].strip().lower()
    return plain in {"application/json", "text/json", "*/*", "application/*"}


def success(operation: Node, source: Source) -> list[Node]:
    """The answers on success, lowest status first; `default` only when there is no other."""
    responses = operation.child("responses")
    statuses = sorted(key for key in responses.mapping if key[:1] == "2")
    chosen = statuses or [key for key in ("default",) if key in responses.mapping]
    found = [source.follow(responses.child(status)) for status in chosen]
    return [node for node in found if node is not None]


def header_names(response: Node) -> frozenset[str]:
    """The headers that an answer declares, in lower case."""
    return frozenset(name.lower() for name in response.child("headers").mapping)


def no_body(operation: Node, answers: list[Node]) -> Response:
    """An answer without a body. `Unmappable` when all that is promised is a redirect."""
    statuses = operation.child("responses").mapping
    if not answers and any(status[:1] == "3" for status in statuses):
        raise Unmappable(
            "response_media_type",
            operation.child("responses"),
            "The answer is a redirect, which is never followed.",
        )
    return Response(None, header_names(answers[0]) if answers else frozenset())
