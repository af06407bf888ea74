"""Swagger 2.0: https://spec.openapis.org/oas/v2.0.html."""

from typing import Any, Final

from mcpassport.integrations.openapi.bodies import FORM, Encoding, Sendable, body_of, sendable
from mcpassport.integrations.openapi.combine import is_list
from mcpassport.integrations.openapi.documents import Node
from mcpassport.integrations.openapi.media import Media, chosen
from mcpassport.integrations.openapi.model import (
    Body,
    Parameter,
    Place,
    Response,
    Scheme,
    SchemeKind,
)
from mcpassport.integrations.openapi.operations import (
    Source,
    Unmappable,
    header_names,
    is_json,
    no_body,
    success,
)
from mcpassport.integrations.openapi.text import one_line
from mcpassport.records.integration import QueryArrayFormat

_HELP_MAX = 300
_PLACES: Final[dict[str, Place]] = {"path": "path", "query": "query", "header": "header"}
_NOT_SCHEMA: Final = frozenset(
    {"name", "in", "required", "collectionFormat", "allowEmptyValue", "schema"}
)
_ARRAYS: Final[dict[str, QueryArrayFormat]] = {"": "comma", "csv": "comma", "multi": "repeat"}


class Swagger2:
    """Reads Swagger 2.0."""

    modern = False

    def servers(self, source: Source) -> tuple[str, ...]:
        """`schemes`, `host` and `basePath`; https before http."""
        root = source.root
        host, base = root.text("host"), root.text("basePath").rstrip("/")
        if not host:
            return (base or "/",)
        schemes = [scheme for scheme in ("https", "http") if scheme in root.texts("schemes")]
        return tuple(f"{scheme}://{host}{base}" for scheme in schemes or ["https"])

    def schemes(self, source: Source) -> tuple[Scheme, ...]:
        """The security definitions."""
        members = source.root.child("securityDefinitions").members()
        return tuple(_scheme(name, node) for name, node in members)

    def parameter(self, source: Source, node: Node) -> Parameter | None:
        """A parameter is its own schema here."""
        place = _PLACES[node.text("in")]
        name = node.text("name")
        inner = {key: value for key, value in node.mapping.items() if key not in _NOT_SCHEMA}
        schema = source.schemas.convert(Node(inner, node.file, node.pointer), "request")
        array = None
        if place == "query" and is_list(schema):
            style = node.text("collectionFormat")
            array = _ARRAYS.get(style)
            if array is None:
                said = f"The list '{name[:60]}' is written as '{style[:20]}' and was left out."
                source.add("array_format", node, said)
                return None
        return Parameter(
            name=name,
            place=place,
            schema=schema,
            where=node.where,
            required=node.flag("required") or place == "path",
            array_format=array,
        )

    def body(self, source: Source, operation: Node, parameters: list[Node]) -> Body | None:
        """The parameter `in: body`, or those `in: formData` together."""
        form = [node for node in parameters if node.text("in") == "formData"]
        if form:
            return _form(source, operation, form)
        body = next((node for node in parameters if node.text("in") == "body"), None)
        if body is None:
            return None
        owner, kinds = _consumed(source, operation)
        kind = sendable(kinds or ("application/json",))
        if kind is None or kind.format in {"form", "multipart"}:
            shown = ", ".join(sorted(kinds))[:120]
            raise Unmappable("body_media_type", owner.child("consumes"), f"The body is {shown}.")
        holder = body.child("schema")
        schema = source.schemas.convert(holder, "request") if holder.value is not None else {}
        return body_of(kind, schema, {}, body)

    def response(self, source: Source, operation: Node) -> Response:
        """The first answer on success that has a schema."""
        answers = success(operation, source)
        for node in answers:
            schema = node.child("schema")
            if schema.value is None:
                continue
            media = _answered(source, operation, schema)
            read = source.schemas.convert(schema, "response") if media.json else None
            return Response(read, header_names(node), media.accept, media.stream, schema.where)
        return no_body(operation, answers)


def _answered(source: Source, operation: Node, schema: Node) -> Media:
    """What the answer comes as: `produces`, of a file never JSON, else JSON."""
    owner = operation if "produces" in operation.mapping else source.root
    kinds = owner.texts("produces")
    is_file = schema.text("type") == "file"
    if is_file:
        kinds = tuple(kind for kind in kinds if not is_json(kind)) or ("*/*",)
    media = chosen(kinds or ("application/json",))
    if media is None:
        shown = ", ".join(sorted(kinds))[:120]
        raise Unmappable("response_media_type", owner.child("produces"), f"The answer is {shown}.")
    return media._replace(json=False) if is_file else media


def _consumed(source: Source, operation: Node) -> tuple[Node, tuple[str, ...]]:
    owner = operation if "consumes" in operation.mapping else source.root
    return owner, owner.texts("consumes")


def _form(source: Source, operation: Node, fields: list[Node]) -> Body:
    """The fields as members of one object; files make it multipart."""
    _, kinds = _consumed(source, operation)
    files = any(node.text("type") == "file" for node in fields)
    multipart = files or ("multipart/form-data" in kinds and FORM not in kinds)
    kind = Sendable("", "multipart" if multipart else "form")
    properties, said, required = {}, {}, []
    for node in fields:
        name = node.text("name")
        inner = {key: value for key, value in node.mapping.items() if key not in _NOT_SCHEMA}
        if node.text("type") == "file":
            inner |= {"type": "string", "format": "binary"}
        properties[name] = source.schemas.convert(Node(inner, node.file, node.pointer), "request")
        said[name] = Encoding("", _ARRAYS.get(node.text("collectionFormat"), "comma"))
        if node.flag("required"):
            required.append(name)
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return body_of(kind, schema, said, fields[0])


def _scheme(name: str, node: Node) -> Scheme:
    kind = node.text("type")
    hint = one_line(node.text("description"), _HELP_MAX)
    if kind == "basic":
        return Scheme(name, "basic", node.where, help=hint)
    if kind == "apiKey" and node.text("in") in {"header", "query"}:
        place: SchemeKind = "header" if node.text("in") == "header" else "query"
        return Scheme(name, place, node.where, node.text("name"), help=hint)
    return Scheme(
        name, "other", node.where, said=f"{kind} {node.text('in')}".strip()[:60], help=hint
    )
