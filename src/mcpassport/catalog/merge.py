"""One flat input per tool: the parts of a request become one object schema, with a way back."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from msgspec import Struct

from mcpassport.catalog.embed import DEFS, definitions, embedded, scattered
from mcpassport.catalog.paging import is_paged, split_paging
from mcpassport.catalog.parts import (
    Argument,
    Section,
    admits_undeclared,
    declared_names,
    read_parts,
)
from mcpassport.catalog.rules import MergeError
from mcpassport.catalog.schemas import check_schema, has_anchors, moved
from mcpassport.records.integration import Documentation, JsonSchema, Method
from mcpassport.records.tool import EVERY_OTHER, Part, Route

_Schemas: TypeAlias = dict[str, JsonSchema]

_ROOT_KEYWORDS = frozenset({"type", "properties", "required", DEFS, "description"})


class Merged(Struct, frozen=True, kw_only=True):
    """The input schema, the route of every property, and what was renamed on the way."""

    input_schema: dict[str, Any]
    routes: tuple[Route, ...]
    notes: tuple[str, ...] = ()
    verbatim: bool = False
    """Whether the record's only schema is emitted as it was written."""


class _Placed(Struct, frozen=True):
    part: Part
    argument: Argument
    exposed: str


def merge(method: Method, record: Documentation) -> Merged:
    """The input schema of a tool and the routes of its arguments.

    (1) Each part's schema is read and checked on its own.
    (2) For a list, the parameters named in `pagination` leave the input; `limit` (where the
        upstream has a parameter for it) and `next_cursor` take their place. With `pagination: none`
        nothing is injected: there is no further page to ask for, and the lint reports the list as
        unpaginated.
    (3) A record with exactly one part, nothing injected and nothing renamed, keeps its schema to
        the byte; its own rule says whether undeclared arguments pass.
    (4) Otherwise names are allotted: the path keeps its own, then the paging inputs, then the first
        of query, header, body to declare a name; a later one is called `<part>_<name>`.
    (5) Properties and `required` are united, `$defs` move to `$defs/<part>__<name>`, references
        follow, and the root refuses what it does not name. `additionalProperties: false` at a
        part's root says the same and is taken over; any other root keyword is an error.

    Raises `MergeError`; its rules stand in `RULES`.
    """
    sections = read_parts(method, record)  # (1)
    paging: tuple[Argument, ...] = ()
    if is_paged(method):
        sections, paging = split_paging(sections, method.pagination)  # (2)
    if len(sections) == 1 and not paging and _is_verbatim(sections[0]):
        return _verbatim(sections[0])  # (3)
    _check_roots(sections)
    placed, notes = _allot(sections, paging)  # (4)
    schema = _unite(sections, placed)  # (5)
    check_schema(schema, "input schema")
    routes = tuple(Route(p.exposed, p.part, p.argument.name) for p in placed)
    return Merged(input_schema=schema, routes=routes, notes=notes)


def _is_verbatim(section: Section) -> bool:
    schema = section.schema
    if not section.authored or section.whole or isinstance(schema, bool):
        return False
    required = schema.get("required", [])
    return schema.get("type") == "object" and all(
        argument.declared == argument.name == argument.wanted
        # A path argument is required even where its schema forgot to say so.
        and (section.part != "path" or argument.declared in required)
        and argument.declared in schema.get("properties", {})
        for argument in section.arguments
    )


def _verbatim(section: Section) -> Merged:
    schema = section.schema
    assert isinstance(schema, dict)
    routes = [Route(name, section.part, name) for name in declared_names(schema)]
    if admits_undeclared(schema):
        routes.append(Route(EVERY_OTHER, section.part, EVERY_OTHER))
    return Merged(input_schema=schema, routes=tuple(routes), verbatim=True)


def _check_roots(sections: Sequence[Section]) -> None:
    for section in sections:
        if section.whole or isinstance(section.schema, bool):
            continue
        for keyword, value in section.schema.items():
            absorbed = keyword == "additionalProperties" and value is False
            if keyword not in _ROOT_KEYWORDS and not absorbed:
                raise MergeError("root_keyword", f"{section.label} has {keyword!r} at its root.")
        # The path implies `id`, so a required one need not be declared.
        declared = {argument.declared for argument in section.arguments}
        required = set(section.schema.get("required", []))
        if missing := required - declared - section.schema.get("properties", {}).keys():
            raise MergeError(
                "invalid_schema",
                f"{section.label} requires {min(missing)!r} but does not declare it.",
            )
    authored = [section for section in sections if section.authored]
    for section in authored if len(authored) > 1 else ():
        if has_anchors(section.schema):
            raise MergeError(
                "anchor_across_parts", f"{section.label} uses anchors beside another part."
            )


def _allot(
    sections: Sequence[Section], paging: Sequence[Argument]
) -> tuple[list[_Placed], tuple[str, ...]]:
    path = [(s.part, a) for s in sections if s.part == "path" for a in s.arguments]
    injected: list[tuple[Part, Argument]] = [("paging", argument) for argument in paging]
    others = [(s.part, a) for s in sections if s.part != "path" for a in s.arguments]
    declared = [argument.wanted for _, argument in (*path, *injected, *others)]
    placed: list[_Placed] = []
    notes: list[str] = []
    taken: set[str] = set()
    for part, argument in (*path, *injected, *others):
        exposed = argument.wanted
        if exposed in taken:
            exposed = f"{part}_{exposed}"
            if part in {"path", "paging"} or exposed in taken or exposed in declared:
                raise MergeError(
                    "unresolved_clash",
                    f"The {part} argument {argument.wanted!r} meets another of that name.",
                )
            notes.append(f"The {part} argument {argument.wanted!r} is called {exposed!r}.")
        taken.add(exposed)
        placed.append(_Placed(part, argument, exposed))
    return placed, tuple(notes)


def _unite(sections: Sequence[Section], placed: Sequence[_Placed]) -> dict[str, Any]:
    properties: dict[str, JsonSchema] = {}
    defs: dict[str, JsonSchema] = {}
    for section in sections:
        own = [p for p in placed if p.part == section.part]
        inner, more = _moved_whole(section, own) if section.whole else _moved_members(section, own)
        properties.update(inner)
        defs.update(more)
    properties.update({p.exposed: p.argument.schema for p in placed if p.part == "paging"})
    described = [
        section.schema["description"]
        for section in sections
        if isinstance(section.schema, dict)
        and not section.whole
        and "description" in section.schema
    ]
    required = [p.exposed for p in placed if p.argument.required]
    return {
        "type": "object",
        **({"description": "\n".join(described)} if described else {}),
        "properties": properties,
        **({"required": required} if required else {}),
        **({DEFS: defs} if defs else {}),
        "additionalProperties": False,
    }


def _moved_whole(section: Section, own: Sequence[_Placed]) -> tuple[_Schemas, _Schemas]:
    (only,) = own
    inner, defs = embedded(section.schema, section.part, ["properties", only.exposed])
    return {only.exposed: inner}, defs


def _moved_members(section: Section, own: Sequence[_Placed]) -> tuple[_Schemas, _Schemas]:
    assert isinstance(section.schema, dict)
    exposed = {p.argument.declared: p.exposed for p in own}
    move = scattered(section.part, section.label, exposed)
    inner = {p.exposed: moved(p.argument.schema, move) for p in own}
    return inner, definitions(section.schema, section.part, move)
