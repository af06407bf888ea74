"""Which resource and method an operation is. A name depends on the whole list of paths alone.

A path ends in the literal that names its resource, maybe followed by parameters: `/contacts`,
`/contacts/{id}`, `/contacts/{id}/tags`. The shallowest path keeps the bare word; a deeper one that
ends in the same word takes the singular of the word before it in front: `contact_tags`. A last word
that is no plural and has one operation only is an action on the resource before it:
`POST /contacts/{id}/archive` is `contacts.archive`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final, TypeAlias

import inflection
from msgspec import Struct

from mcpassport.integrations.openapi.model import Operation
from mcpassport.integrations.openapi.shapes import listed
from mcpassport.integrations.openapi.text import is_plural, slug
from mcpassport.records.integration import STANDARD_METHODS

Base: TypeAlias = tuple[str, ...]
"""The segments of a path up to its last literal."""

_VERBS: Final = frozenset(
    [
        "add",
        "cancel",
        "create",
        "delete",
        "find",
        "get",
        "list",
        "merge",
        "remove",
        "search",
        "send",
        "set",
        "start",
        "stop",
        "update",
    ]
)
_ORDER: Final = {"GET": 0, "POST": 1, "PATCH": 2, "PUT": 3, "DELETE": 4}
_PUT: Final = "PUT"
"""Changes an item as a whole: `update`, or `replace` where a PATCH changes parts of it."""


class Named(Struct, frozen=True):
    """An operation under its resource and method; `item` is the path parameter that is its id."""

    resource: str
    method: str
    operation: Operation
    item: str = ""
    taken: str = ""
    """The name it would have had, were it free."""


def is_parameter(segment: str) -> bool:
    """Whether a path segment holds a parameter."""
    return "{" in segment


def name_all(operations: Iterable[Operation]) -> list[Named]:
    """Every operation with its names, in the order of resources and methods."""
    paths = _Paths(list(operations))
    resources = paths.resource_names()
    grouped: dict[str, list[Operation]] = defaultdict(list)
    for operation in paths.operations:
        grouped[resources[paths.resource_base(base_of(operation.path))]].append(operation)
    named = [item for name in sorted(grouped) for item in _methods(paths, name, grouped[name])]
    return sorted(named, key=lambda item: (item.resource, _rank(item.method)))


def _rank(method: str) -> tuple[int, str]:
    known = STANDARD_METHODS.index(method) if method in STANDARD_METHODS else len(STANDARD_METHODS)
    return known, method


def segments_of(path: str) -> Base:
    """The segments of a path, empty ones left out."""
    return tuple(segment for segment in path.split("/") if segment)


def base_of(path: str | Base) -> Base:
    """The path up to its last literal segment."""
    segments = list(segments_of(path) if isinstance(path, str) else path)
    while segments and is_parameter(segments[-1]):
        segments.pop()
    return tuple(segments)


class _Paths:
    """All paths at once: which of them are resources, and which are actions on one."""

    def __init__(self, operations: list[Operation]) -> None:
        self.operations = sorted(
            operations, key=lambda item: (len(segments_of(item.path)), item.path, _ORDER[item.http])
        )
        self._at: dict[Base, list[Operation]] = defaultdict(list)
        for operation in self.operations:
            self._at[base_of(operation.path)].append(operation)

    def is_action(self, base: Base) -> bool:
        """Whether the last word of `base` is something done to the resource before it."""
        parent = base_of(base[:-1])
        if not parent:
            return False
        here = self._at.get(base, [])
        if len(here) != 1:
            return False
        word = slug(base[-1])
        parent_known = parent in self._at
        if word.partition("_")[0] in _VERBS and parent_known:
            return True
        return not is_plural(word) and (parent_known or here[0].http != "GET")

    def resource_base(self, base: Base) -> Base:
        """The path of the resource that an operation at `base` belongs to."""
        while base and self.is_action(base):
            base = base_of(base[:-1])
        return base

    def item_depth(self, base: Base) -> int:
        """How many parameters after `base` name one item; 0 when there are no items."""
        depths = [
            len(segments_of(operation.path)) - len(base) for operation in self._at.get(base, ())
        ]
        return min((depth for depth in depths if depth), default=0)

    def is_alone(self, base: Base, resource: str) -> bool:
        """Whether `base` is one thing: no items below it, and no list there."""
        reads = [operation for operation in self._at.get(base, ()) if operation.http == "GET"]
        many = any(_is_list(resource, operation) for operation in reads)
        return self.item_depth(base) == 0 and not many and bool(reads or not is_plural(resource))

    def resource_names(self) -> dict[Base, str]:
        """A name of its own for every resource, shallow paths first."""
        bases = {self.resource_base(base) for base in self._at}
        names: dict[Base, str] = {}
        for base in sorted(bases, key=lambda item: (len(item), item)):
            names[base] = _free(_candidates(base), set(names.values()))
        return names


def _candidates(base: Base) -> list[str]:
    words = [slug(segment) for segment in base if not is_parameter(segment)]
    words = [word for word in words if word] or ["root"]
    found = [words[-1]]
    for word in reversed(words[:-1]):
        found.append(f"{inflection.singularize(word)}_{found[-1]}")
    return [slug(name) or "root" for name in found]


def _free(candidates: list[str], taken: set[str]) -> str:
    """The first candidate that is not taken; the last one with a number when all are."""
    for candidate in candidates:
        if candidate not in taken:
            return candidate
    stem, number = candidates[-1][:60].rstrip("_"), 2
    while f"{stem}_{number}" in taken:
        number += 1
    return f"{stem}_{number}"


def _methods(paths: _Paths, resource: str, operations: list[Operation]) -> list[Named]:
    roles = [(_role(paths, resource, operation), operation) for operation in operations]
    held = {role for role, _ in roles}
    named: dict[str, Named] = {}
    waiting: list[tuple[str, Operation]] = []
    for role, operation in sorted(roles, key=lambda pair: -_depth(paths, pair[1])):
        name = role
        if role == _PUT:
            name = "replace" if "update" in held else "update"
        if name and name not in named:
            named[name] = _named(paths, resource, name, operation)
        else:
            waiting.append((name, operation))
    for taken, operation in sorted(waiting, key=lambda pair: (pair[1].path, _ORDER[pair[1].http])):
        name = _free(_own_names(operation), {*named, *STANDARD_METHODS})
        named[name] = _named(paths, resource, name, operation, taken)
    return list(named.values())


def _own_names(operation: Operation) -> list[str]:
    base = base_of(operation.path)
    word = slug(base[-1]) if base else "root"
    return [
        name for name in (slug(operation.operation_id), slug(f"{operation.http}_{word}")) if name
    ]


def _depth(paths: _Paths, operation: Operation) -> int:
    """1 for the item itself: it takes `get`, `update` and `delete` before its collection does."""
    base = base_of(operation.path)
    tail = len(segments_of(operation.path)) - len(base)
    return int(tail > 0 and tail == paths.item_depth(base))


def _role(paths: _Paths, resource: str, operation: Operation) -> str:
    """The method's name by its place; `_PUT` is settled later, empty means: by its own name."""
    base = base_of(operation.path)
    if paths.is_action(base):
        action = slug(base[-1])
        return "" if action in STANDARD_METHODS else action
    tail = len(segments_of(operation.path)) - len(base)
    depth = paths.item_depth(base)
    if tail == 0:
        return _collection_role(resource, operation, alone=paths.is_alone(base, resource))
    if tail == depth:
        roles = {"GET": "get", "PATCH": "update", "PUT": _PUT, "DELETE": "delete"}
        return roles.get(operation.http, "")
    return ""


def _collection_role(resource: str, operation: Operation, *, alone: bool) -> str:
    if operation.http == "POST":
        return "create"
    if operation.http == "GET":
        return "list" if _is_list(resource, operation) else "get"
    if alone:
        return {"PATCH": "update", "PUT": _PUT, "DELETE": "delete"}[operation.http]
    return ""


def _is_list(resource: str, operation: Operation) -> bool:
    schema = operation.response.schema
    return listed(schema, resource) is not None or (schema is None and is_plural(resource))


def _named(
    paths: _Paths, resource: str, method: str, operation: Operation, taken: str = ""
) -> Named:
    segments = segments_of(operation.path)
    base = paths.resource_base(base_of(operation.path))
    item = ""
    if paths.item_depth(base) == 1 and len(segments) > len(base):
        names = re.findall(r"\{([^{}]*)\}", segments[len(base)])
        item = names[0] if len(names) == 1 else ""
    return Named(resource, method, operation, item, taken)
