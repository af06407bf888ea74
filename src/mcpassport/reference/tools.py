"""A tool of the catalog as a node of the document."""

import json
import re
from typing import Final

from mcpassport.catalog.present import token_cost
from mcpassport.records.integration import ContentBlock, Method, RateLimitMap
from mcpassport.records.tool import Route, Tool
from mcpassport.reference.document import (
    Access,
    Mapping,
    MethodGroup,
    Property,
    ToolNode,
    Upstream,
)
from mcpassport.reference.properties import flatten
from mcpassport.reference.slugs import Slugs, slug

_GROUPS: Final[dict[str, MethodGroup]] = {
    "list": "read",
    "get": "read",
    "create": "write",
    "update": "write",
    "delete": "write",
}


_JSON: Final = "JSON as text and as structured content"
_OTHERS: Final = "other media types as text, image, audio or embedded resource"


def tool_anchor(name: str) -> str:
    """The anchor of a tool."""
    return f"tool-{slug(name)}"


def tool_node(tool: Tool) -> ToolNode:
    """Everything that the document says of one tool."""
    properties, omitted = _properties(tool)
    method = tool.method
    return ToolNode(
        anchor=tool_anchor(tool.name),
        name=tool.name,
        title=tool.title,
        description=tool.description,
        resource=method.resource,
        method=method.method,
        method_group=_GROUPS.get(method.method, "custom"),
        access=_access(tool),
        tags=tool.tags,
        scopes=tool.scopes,
        idempotent=tool.annotations.idempotent,
        open_world=tool.annotations.open_world,
        properties=properties,
        omitted_properties=omitted,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        returns=returns(tool),
        stream="" if method.stream == "none" else method.stream,
        progress=method.progress is not None,
        requires=method.requires_client_capabilities,
        upstream=_upstream(method),
        token_cost=token_cost(tool),
        visible=tool.visible.hex(),
        wiring=tool.wiring.hex(),
        deprecated=tool.deprecated,
    )


def _access(tool: Tool) -> Access:
    if tool.annotations.destructive:
        return "destructive"
    return "read" if tool.annotations.read_only else "write"


def _properties(tool: Tool) -> tuple[tuple[Property, ...], int]:
    routes = {route.property: _sent_as(route) for route in tool.routes}
    anchors = Slugs(f"{tool_anchor(tool.name)}--")
    rows, omitted = flatten(tool.input_schema)
    found = tuple(
        Property(
            anchor=anchors.take(row.name),
            name=row.name,
            type=row.type,
            required=row.required,
            enum=row.enum,
            description=row.description,
            sent_as=routes.get(row.name, ""),
        )
        for row in rows
    )
    return found, omitted


def _sent_as(route: Route) -> str:
    if route.part == "paging":
        return "paging"
    if route.name is None:
        return f"whole {route.part}"
    return route.part if route.name == route.property else f"{route.part}: {route.name}"


def returns(tool: Tool) -> tuple[str, ...]:
    """What the tool answers: the declared blocks, or what follows from the media type."""
    method = tool.method
    maps_json = method.response is not None or method.response_path is not None
    reads_json = maps_json or method.method == "list" or tool.output_schema is not None
    if not method.content:
        return (_JSON,) if reads_json else (_JSON, _OTHERS)
    blocks = tuple(_returned(block) for block in method.content)
    return (*blocks, "the mapped value as structured content") if maps_json else blocks


def _returned(block: ContentBlock) -> str:
    typed = f" ({block.mime_type})" if block.mime_type else ""
    return f"{block.type}{typed}" if block.uri is None else f"{block.type}{typed} at {block.uri}"


def _upstream(method: Method) -> Upstream:
    return Upstream(
        http=method.http,
        base_url=without_userinfo(method.base_url),
        hosts=method.allowed_hosts,
        path=method.path,
        headers=tuple(method.headers),
        query=tuple(method.query),
        pagination=method.pagination.kind if method.method == "list" else "",
        authorization=method.authorization.kind,
        timeout_s=method.timeout_s,
        mappings=tuple(_mappings(method)),
    )


def without_userinfo(url: str) -> str:
    """The URL pattern without a `user:password@` that should never have been in it."""
    return re.sub(r"^([a-z]+://)[^/@]*@", r"\1", url, flags=re.IGNORECASE)


def _mappings(method: Method) -> list[Mapping]:
    found = [
        ("request", method.request),
        ("body_format", None if method.body_format == "json" else method.body_format),
        ("body template", None if method.body is None else _json(method.body)),
        ("response", method.response),
        ("response_path", method.response_path),
        *((f"content {n}: {b.type}", b.value) for n, b in enumerate(method.content, 1)),
        *_paging(method),
        ("progress", method.progress),
        ("final", method.final),
        ("errors", method.errors),
        *_rate_limit(method.rate_limit),
    ]
    return [Mapping(slot, text) for slot, text in found if text is not None]


def _paging(method: Method) -> list[tuple[str, str | None]]:
    paging = method.pagination
    return [("pagination.first", paging.first), ("pagination.next", paging.next)]


def _rate_limit(mapping: RateLimitMap | None) -> list[tuple[str, str | None]]:
    names = ("is_limited", "limit", "remaining", "reset", "retry_after")
    return [(f"rate_limit.{name}", getattr(mapping, name, None)) for name in names]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
