"""What changed between two versions: of the tools, their properties, their calls, the config.

Breaking is what can make a caller fail that worked before, or what an account must be asked for:
a tool or property removed, a new required property, a narrower schema, a new scope, credential or
client capability, a tool that is no longer read-only.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from mcpassport.catalog.build import build
from mcpassport.integrations.marks import pointer
from mcpassport.integrations.narrowing import narrows
from mcpassport.records.integration import Integration
from mcpassport.records.tool import Tool

Schema: TypeAlias = Mapping[str, Any]
ChangeKind: TypeAlias = Literal["added", "removed", "changed"]

_CONFIG = (
    "label",
    "description",
    "documentation_url",
    "base_url",
    "allowed_hosts",
    "credentials",
    "authorization",
)
_MODEL = ("title", "description", "deprecated", "tags")
_CALL = (
    "http",
    "base_url",
    "path",
    "query",
    "headers",
    "query_array_format",
    "body",
    "body_format",
    "request",
    "response",
    "response_path",
    "content",
    "stream",
    "progress",
    "final",
    "pagination",
    "rate_limit",
    "errors",
    "timeout_s",
)
_FROM_CONFIG = frozenset({"base_url"})


class Change(Struct, frozen=True):
    """One difference; `path` is a JSON pointer, `before` and `after` are JSON values."""

    path: str
    kind: ChangeKind
    breaking: bool
    before: Any = None
    after: Any = None


def diff(before: Integration, after: Integration) -> list[Change]:
    """Every difference, breaking ones first, then in the order of their paths."""
    changes = [*_config(before, after), *_tools(before, after)]
    return sorted(changes, key=lambda change: (not change.breaking, change.path))


def _config(before: Integration, after: Integration) -> Iterator[Change]:
    for name in _CONFIG:
        old, new = getattr(before, name), getattr(after, name)
        breaking = name == "credentials" and _asks_more(before, after)
        yield from _member(("config", name), old, new, breaking=breaking)


def _asks_more(before: Integration, after: Integration) -> bool:
    """Whether an account that is connected could have to bring something new."""
    asked = {item.kind: {field.name for field in item.fields} for item in after.credentials}
    return any(
        item.kind not in asked or not asked[item.kind] <= {field.name for field in item.fields}
        for item in before.credentials
    )


def _tools(before: Integration, after: Integration) -> Iterator[Change]:
    old = {tool.name: tool for tool in build(before).tools}
    new = {tool.name: tool for tool in build(after).tools}
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            yield Change(
                pointer(("tools", name)), "removed", breaking=True, before=_seen(old[name])
            )
        elif name not in old:
            yield Change(pointer(("tools", name)), "added", breaking=False, after=_seen(new[name]))
        else:
            yield from _tool(("tools", name), old[name], new[name])


def _seen(tool: Tool) -> dict[str, str]:
    return {"title": tool.title, "description": tool.description}


def _tool(path: tuple[str, ...], old: Tool, new: Tool) -> Iterator[Change]:
    for name in _MODEL:
        yield from _member((*path, name), getattr(old, name), getattr(new, name))
    needs = (
        old.method.requires_client_capabilities,
        new.method.requires_client_capabilities,
    )
    more = not set(needs[1]) <= set(needs[0])
    yield from _member((*path, "requires_client_capabilities"), *needs, breaking=more)
    scopes = not set(new.scopes) <= set(old.scopes)
    yield from _member((*path, "scopes"), old.scopes, new.scopes, breaking=scopes)
    yield from _annotations((*path, "annotations"), old, new)
    yield from input_changes((*path, "input"), old.input_schema, new.input_schema)
    yield from _output((*path, "output"), old.output_schema, new.output_schema)
    for name in _CALL:
        if name not in _FROM_CONFIG:
            before, after = getattr(old.method, name), getattr(new.method, name)
            yield from _member((*path, "call", name), before, after)


def _output(path: tuple[str, ...], old: Any, new: Any) -> Iterator[Change]:
    """An answer breaks its readers when it may be something that it could not be before."""
    breaking = old is not None and narrows(True if new is None else new, old)
    yield from _member(path, old, new, breaking=breaking)


def _annotations(path: tuple[str, ...], old: Tool, new: Tool) -> Iterator[Change]:
    before, after = msgspec.to_builtins(old.annotations), msgspec.to_builtins(new.annotations)
    for hint in before:
        safe = hint in {"read_only", "idempotent"}
        breaking = hint != "open_world" and before[hint] is safe
        yield from _member((*path, hint), before[hint], after[hint], breaking=breaking)


def input_changes(path: tuple[str, ...], old: Schema, new: Schema) -> Iterator[Change]:
    """How two input schemas differ, property by property; the root goes by an empty name."""
    before, after = old.get("properties", {}), new.get("properties", {})
    needed, needs = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(before.keys() | after.keys()):
        at = (*path, name)
        if name not in after:
            yield Change(pointer(at), "removed", breaking=True, before=before[name])
        elif name not in before:
            yield Change(pointer(at), "added", breaking=name in needs, after=after[name])
        else:
            breaking = narrows(before[name], after[name])
            yield from _member(at, before[name], after[name], breaking=breaking)
            if (name in needed) != (name in needs):
                yield _required(at, required=name in needs)
    rest_before = {key: old[key] for key in old if key not in {"properties", "required"}}
    rest_after = {key: new[key] for key in new if key not in {"properties", "required"}}
    if rest_before != rest_after:
        breaking = narrows(rest_before, rest_after)
        yield from _member((*path, ""), rest_before, rest_after, breaking=breaking)


def _required(path: tuple[str, ...], *, required: bool) -> Change:
    return Change(
        pointer((*path, "required")),
        "changed",
        breaking=required,
        before=not required,
        after=required,
    )


def _member(
    path: tuple[str, ...], old: Any, new: Any, *, breaking: bool = False
) -> Iterator[Change]:
    """The change of one member, if it changed; absent values count as added or removed."""
    if old == new:
        return
    kind: ChangeKind = "added" if old is None else "removed" if new is None else "changed"
    before, after = msgspec.to_builtins(old), msgspec.to_builtins(new)
    yield Change(pointer(path), kind, breaking, before, after)
