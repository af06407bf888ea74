"""OpenAPI 3.0 and 3.1: https://spec.openapis.org/oas/v3.0.4.html, https://spec.openapis.org/oas/v3.1.1.html.

They differ in their schemas; section numbers are those of 3.0.
"""

import re
from typing import Final

from mcpassport.integrations.openapi.bodies import Encoding, body_of, sendable
from mcpassport.integrations.openapi.combine import is_list
from mcpassport.integrations.openapi.documents import Node
from mcpassport.integrations.openapi.media import chosen
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
    no_body,
    success,
)
from mcpassport.integrations.openapi.text import one_line, plain_text
from mcpassport.records.integration import JsonSchema, QueryArrayFormat

_HELP_MAX = 300
_PLACES: Final[dict[str, Place]] = {"path": "path", "query": "query", "header": "header"}
_STYLES: Final[dict[str, str]] = {"path": "simple", "query": "form", "header": "simple"}


class OpenApi3:
    """Reads OpenAPI 3.0, or 3.1: `modern`."""

    def __init__(self, *, modern: bool = False) -> None:
        self.modern = modern

    def servers(self, source: Source) -> tuple[str, ...]:
        """Section 4.8.5; variables take their defaults, which is reported."""
        found = []
        for server in source.root.child("servers").items():
            url = server.text("url")
            names = re.findall(r"\{([^{}]*)\}", url)
            for name in names:
                default = server.at("variables", name).text("default")
                if not default:
                    continue
                url = url.replace(f"{{{name}}}", default)
                source.add("server", server, f"'{name[:60]}' of the server took its default.")
            found.append(url)
        return tuple(found) or ("/",)

    def schemes(self, source: Source) -> tuple[Scheme, ...]:
        """Section 4.8.27."""
        found = []
        for name, entry in source.root.at("components", "securitySchemes").members():
            node = source.follow(entry)
            if node is not None:
                found.append(_scheme(name, node))
        return tuple(found)

    def parameter(self, source: Source, node: Node) -> Parameter | None:
        """Section 4.8.12."""
        place = _PLACES[node.text("in")]
        name = node.text("name")
        style = node.text("style") or _STYLES[place]
        if "content" in node.mapping:
            source.add(
                "parameter", node, f"'{name[:60]}' is a document of its own and was left out."
            )
            return None
        holder = node.child("schema")
        schema = source.schemas.convert(holder, "request") if holder.value is not None else {}
        if style != _STYLES[place] and not (place == "query" and is_list(schema)):
            source.add("parameter", node, f"'{name[:60]}' has the style '{style[:20]}'; left out.")
            return None
        array = None
        if place == "query" and is_list(schema):
            array = _array_format(source, node, style)
            if array is None:
                return None
        said = plain_text(node.text("description"))
        if said and isinstance(schema, dict):
            schema = schema | {"description": said}
        return Parameter(
            name=name,
            place=place,
            schema=schema,
            where=node.where,
            required=node.flag("required") or place == "path",
            array_format=array,
        )

    def body(self, source: Source, operation: Node, _parameters: list[Node]) -> Body | None:
        """Section 4.8.13."""
        entry = operation.child("requestBody")
        if entry.value is None:
            return None
        node = source.follow(entry)
        if node is None:
            raise Unmappable(
                "malformed", entry, "The body cannot be read, so the operation has no tool."
            )
        content = node.child("content")
        kind = sendable(list(content.mapping))
        if kind is None:
            kinds = ", ".join(sorted(content.mapping))[:120] or "nothing"
            raise Unmappable("body_media_type", node, f"The body is {kinds}.")
        media = content.child(kind.name)
        holder = media.child("schema")
        schema = source.schemas.convert(holder, "request") if holder.value is not None else {}
        said = {name: _encoding(source, item) for name, item in media.child("encoding").members()}
        return body_of(kind, schema, said, media)

    def response(self, source: Source, operation: Node) -> Response:
        """Section 4.8.16."""
        answers = success(operation, source)
        for node in answers:
            content = node.child("content")
            media = chosen(list(content.mapping))
            if media is not None:
                schema = _schema(source, content.child(media.name)) if media.json else None
                headers = header_names(node)
                return Response(schema, headers, media.accept, media.stream, content.where)
        for node in answers:
            kinds = ", ".join(sorted(node.child("content").mapping))[:120]
            if kinds:
                raise Unmappable("response_media_type", node, f"The answer is {kinds}.")
        return no_body(operation, answers)


def _schema(source: Source, media: Node) -> JsonSchema | None:
    holder = media.child("schema")
    return None if holder.value is None else source.schemas.convert(holder, "response")


def _encoding(source: Source, node: Node) -> Encoding:
    """Section 4.8.15."""
    found = source.follow(node)
    if found is None:
        return Encoding()
    exploded = found.mapping.get("explode") is not False
    return Encoding(found.text("contentType"), "repeat" if exploded else "comma")


def _array_format(source: Source, node: Node, style: str) -> QueryArrayFormat | None:
    if style == "form":
        return "comma" if node.mapping.get("explode") is False else "repeat"
    source.add(
        "array_format",
        node,
        f"The list '{node.text('name')[:60]}' is written as '{style[:20]}' and was left out.",
    )
    return None


def _scheme(name: str, node: Node) -> Scheme:
    kind, scheme = node.text("type"), node.text("scheme").lower()
    hint = one_line(node.text("description"), _HELP_MAX)
    if kind == "http" and scheme in {"bearer", "basic"}:
        return Scheme(name, "bearer" if scheme == "bearer" else "basic", node.where, help=hint)
    if kind == "apiKey" and node.text("in") in {"header", "query"}:
        place: SchemeKind = "header" if node.text("in") == "header" else "query"
        return Scheme(name, place, node.where, node.text("name"), help=hint)
    said = f"{kind} {scheme or node.text('in')}".strip()
    return Scheme(name, "other", node.where, said=said[:60], help=hint)
