"""The reference document: its node types. Every rendering is made from these and nothing else.

Prose (any field documented as prose) is text in which backticks mark a literal value and
`[label](#anchor)` links inside the document. Fields documented as verbatim carry text that other
people wrote, such as tool descriptions: renderers escape it and interpret nothing in it.
"""

from datetime import datetime
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from mcpassport.evidence.claims import Controls, Grade

DOCUMENT_FORMAT = 1
MethodGroup: TypeAlias = Literal["read", "write", "custom"]
Access: TypeAlias = Literal["read", "write", "destructive"]


class Paragraph(Struct, frozen=True, tag_field="node", tag="paragraph", omit_defaults=True):
    """A paragraph of prose, or verbatim text."""

    text: str
    verbatim: bool = False


class Subheading(Struct, frozen=True, tag_field="node", tag="subheading"):
    """A sub-heading inside a section."""

    anchor: str
    text: str


class ClaimNode(Struct, frozen=True, tag_field="node", tag="claim", omit_defaults=True):
    """A sentence that promises something. Its id is its anchor; `sentence` is prose."""

    id: str
    sentence: str
    grade: Grade
    row: int
    controls: Controls
    settings: tuple[str, ...] = ()
    """Names of the live facts that the sentence depends on."""


class Column(Struct, frozen=True, omit_defaults=True):
    """A table column; the cells of a literal column are verbatim."""

    title: str
    literal: bool = False


class Table(Struct, frozen=True, tag_field="node", tag="table", omit_defaults=True):
    """A table. Cells are prose, or verbatim in a literal column."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    anchors: tuple[str, ...] = ()
    """One anchor per row, if rows can be linked to."""


class Code(Struct, frozen=True, tag_field="node", tag="code", omit_defaults=True):
    """A block to copy, verbatim. `tried` says how it is known to work, if it claims to."""

    title: str
    language: str
    text: str
    tried: str = ""


class DiagramNode(Struct, frozen=True, omit_defaults=True):
    """A box at a place of the grid, or a participant of a sequence (in column order)."""

    id: str
    label: str
    column: int
    row: int = 0
    note: str = ""


class DiagramGroup(Struct, frozen=True):
    """A frame around the boxes of some rows."""

    label: str
    first_row: int
    last_row: int


class DiagramEdge(Struct, frozen=True, omit_defaults=True):
    """An arrow; in a sequence the order of edges is the order of messages."""

    source: str
    target: str
    label: str = ""
    reply: bool = False


class Diagram(Struct, frozen=True, tag_field="node", tag="diagram", omit_defaults=True):
    """A diagram as data; `alt` says in words what it shows."""

    anchor: str
    title: str
    kind: Literal["flow", "sequence"]
    alt: str
    nodes: tuple[DiagramNode, ...]
    edges: tuple[DiagramEdge, ...]
    groups: tuple[DiagramGroup, ...] = ()


class Property(Struct, frozen=True, omit_defaults=True):
    """One property of a tool's input. `name` is dotted for nested ones; all text is verbatim."""

    anchor: str
    name: str
    type: str
    required: bool
    enum: tuple[str, ...] = ()
    description: str = ""
    sent_as: str = ""
    """Part of the upstream request and the name there, for properties of the root."""


class Mapping(Struct, frozen=True):
    """Where the upstream request or answer is mapped by an expression; both verbatim."""

    slot: str
    text: str


class Upstream(Struct, frozen=True, omit_defaults=True):
    """The one request that a tool makes; all verbatim. Header and query values are left out."""

    http: str
    base_url: str
    hosts: tuple[str, ...]
    path: str
    headers: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    pagination: str = ""
    authorization: str = ""
    timeout_s: float | None = None
    mappings: tuple[Mapping, ...] = ()


class ToolNode(Struct, frozen=True, tag_field="node", tag="tool", omit_defaults=True):
    """One tool. `title`, `description` and the schemas are verbatim.

    The tools that a filter leaves are those whose `method` or `method_group` is among its
    methods, and one of whose `tags` is among its tags, and whose `resource` is among its
    resources; a part that the filter does not set admits all.
    """

    anchor: str
    name: str
    title: str
    description: str
    resource: str
    method: str
    method_group: MethodGroup
    access: Access
    tags: tuple[str, ...]
    scopes: tuple[str, ...]
    idempotent: bool
    open_world: bool
    properties: tuple[Property, ...]
    input_schema: dict[str, Any]
    returns: tuple[str, ...]
    """What an answer consists of, one text per block or alternative."""
    upstream: Upstream
    token_cost: int
    """Estimate: characters of what the model sees, as compact JSON, divided by 4."""
    visible: str
    wiring: str
    stream: str = ""
    """`ndjson` or `sse` where the upstream response is read while it arrives."""
    progress: bool = False
    """Whether a call reports progress to callers that give a token."""
    requires: tuple[str, ...] = ()
    """Client capabilities without which a call is refused."""
    output_schema: dict[str, Any] | bool | None = None
    deprecated: bool = False
    omitted_properties: int = 0
    """Nested properties that the table leaves out; the schema has all."""


class Definition(Struct, frozen=True, omit_defaults=True):
    """A term and its meaning; `verbatim` where other people's words fill it."""

    term: str
    text: str
    verbatim: bool = False
    grade: Grade | None = None


class DefinitionList(Struct, frozen=True, tag_field="node", tag="definition-list"):
    """Terms and meanings."""

    items: tuple[Definition, ...]


class Callout(Struct, frozen=True, tag_field="node", tag="callout"):
    """A prose remark that must not be overlooked."""

    kind: Literal["note", "warning"]
    text: str


Node: TypeAlias = (
    Paragraph
    | Subheading
    | ClaimNode
    | Table
    | Code
    | Diagram
    | ToolNode
    | DefinitionList
    | Callout
)


class Section(Struct, frozen=True):
    """A section; its anchor is a slug that never changes."""

    anchor: str
    heading: str
    nodes: tuple[Node, ...]


class Branding(Struct, frozen=True, omit_defaults=True):
    """How the vendor marks the document; all verbatim. `logo` is a data URI."""

    name: str
    product: str
    accent: str
    footer: str = ""
    canonical_url: str = ""
    logo: str = ""


EvidenceState: TypeAlias = Literal["no run", "run", "expired", "other"]
"""None; of this build and fresh; of this build and old; of another build, settings or catalog."""


class EvidenceSummary(Struct, frozen=True):
    """How the claims are known: the state of evidence, and the number of claims by grade."""

    state: EvidenceState
    grades: dict[str, int]


class Document(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The reference of one integration on one deployment."""

    format: int
    product: str
    branding: Branding
    integration: str
    integration_label: str
    integration_version: int
    version: str
    generated_at: datetime
    build: str
    deployment_url: str
    environment: str = ""
    protocol_revisions: tuple[str, ...]
    transports: tuple[str, ...]
    method_surface: tuple[str, ...]
    catalog_digest: str
    tool_count: int
    evidence: EvidenceSummary
    facts: dict[str, str]
    """The live facts that claims depend on, as text."""
    sections: tuple[Section, ...]
