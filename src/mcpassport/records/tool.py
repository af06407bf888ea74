"""Tools as the catalog makes them and the protocol serves them."""

from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct

from mcpassport.records.integration import Annotations, JsonSchema, Method

Part: TypeAlias = Literal["path", "query", "header", "body", "paging"]
EVERY_OTHER: Final = "*"
"""Property and name of the route for arguments that a single-part schema admits undeclared."""


class Route(Struct, frozen=True):
    """Where one input property goes: the part of the request and its name there.

    `name` is None when the whole body travels as this one property. A route of `EVERY_OTHER`
    stands last and takes each argument that has no route of its own, under its own name.
    """

    property: str
    part: Part
    name: str | None


class Tool(Struct, frozen=True, kw_only=True):
    """One tool: what the model sees, and how a call of it is wired."""

    name: str
    title: str
    description: str
    input_schema: dict[str, Any]
    output_schema: JsonSchema | None = None
    annotations: Annotations
    tags: tuple[str, ...]
    scopes: tuple[str, ...]
    routes: tuple[Route, ...]
    method: Method
    deprecated: bool = False
    visible: bytes
    """SHA-256 over what the model sees."""
    wiring: bytes
    """SHA-256 over how the call is made."""


class Dropped(Struct, frozen=True):
    """A `(resource, method)` that is not a tool, and the rule that says why."""

    resource: str
    method: str
    rule: str
    reason: str


class Catalog(Struct, frozen=True, kw_only=True):
    """All tools of one integration version, in tool-name order, under one Merkle root."""

    integration: str
    label: str
    version: int
    tools: tuple[Tool, ...]
    dropped: tuple[Dropped, ...]
    digest: bytes


class Filter(Struct, frozen=True, omit_defaults=True):
    """What a server exposes: methods AND tags (any of) AND resources; None means no limit.

    Less what `deny` names, by tool name or `resource.method`.
    """

    methods: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    resources: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()


class Surface(Struct, frozen=True, kw_only=True):
    """The tools one server exposes, in tool-name order."""

    catalog: Catalog
    tools: tuple[Tool, ...]
    digest: bytes
