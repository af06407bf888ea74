"""Digests of the parts of a release, so that what was altered can be named.

Each is SHA-256 over the RFC 8785 JSON of the part; text where that format cannot carry a number
exactly (see `_exact`).
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from mcpassport.catalog.digest import canonical

_LARGEST: Final = 2**53 - 1
_NAMED: Final = {"claim": "id", "tool": "name"}


class Parts(Struct, frozen=True, forbid_unknown_fields=True):
    """Digest by name: members of the document, its claims, tools and sections, check results."""

    members: dict[str, str]
    claims: dict[str, str]
    tools: dict[str, str]
    sections: dict[str, str]
    results: dict[str, str]


def parts_of(document: Mapping[str, Any], evidence: Mapping[str, Any]) -> Parts:
    """The parts of a document and its evidence, both as parsed JSON.

    Raises `ValueError` if either has not the shape of what it should be.
    """
    try:
        return Parts(
            members={name: _digest(document[name]) for name in document if name != "sections"},
            claims=dict(_nodes(document, "claim")),
            tools=dict(_nodes(document, "tool")),
            sections=dict(_sections(document)),
            results=_results(evidence),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not a reference with its evidence") from error


def _nodes(document: Mapping[str, Any], kind: str) -> Iterator[tuple[str, str]]:
    for section in document["sections"]:
        for node in section["nodes"]:
            if node["node"] == kind:
                yield node[_NAMED[kind]], _digest(node)


def _sections(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each section without the claims and tools, which have digests of their own."""
    for section in document["sections"]:
        rest = [node for node in section["nodes"] if node["node"] not in _NAMED]
        order = [node[_NAMED[node["node"]]] for node in section["nodes"] if node["node"] in _NAMED]
        yield section["anchor"], _digest([section["heading"], rest, order])


def _results(evidence: Mapping[str, Any]) -> dict[str, str]:
    results = {each["claim"]: _digest(each) for each in evidence.get("results", [])}
    rest = {name: value for name, value in evidence.items() if name != "results"}
    return {**results, "": _digest(rest)}


def _digest(value: Any) -> str:
    return hashlib.sha256(canonical(_exact(value))).hexdigest()


def _exact(value: Any) -> Any:
    """The value with integers that RFC 8785 cannot carry as text."""
    match value:
        case dict():
            return {name: _exact(each) for name, each in value.items()}
        case list():
            return [_exact(each) for each in value]
        case bool():
            return value
        case int() if abs(value) > _LARGEST:
            return f"integer {value}"
        case _:
            return value


def altered(signed: Parts, found: Parts) -> Iterator[tuple[str, str, str]]:
    """Kind, name and how of every part that is not as it was signed."""
    for kind in Parts.__struct_fields__:
        before, after = getattr(signed, kind), getattr(found, kind)
        for name in sorted(before.keys() | after.keys()):
            if name not in after:
                yield kind, name, "removed"
            elif name not in before:
                yield kind, name, "added"
            elif before[name] != after[name]:
                yield kind, name, "altered"


def parsed(content: bytes) -> dict[str, Any]:
    """A JSON object; `ValueError` for anything else."""
    try:
        value = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # one kind of error for the caller
    return value
