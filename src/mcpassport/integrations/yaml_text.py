"""YAML text to marked values: YAML 1.2 core schema, no duplicate keys, no bombs, no surprises.

PyYAML speaks YAML 1.1, where `on`, `no` and `2024-05-01` are not strings. Only its parser is used
here; which plain scalar is a number or a boolean is decided by the YAML 1.2 core schema (10.3.2).
"""

import re
from typing import Any, Final

import yaml

from mcpassport.integrations.marks import MarkedList, MarkedMap, Place
from mcpassport.records.findings import Finding

NODES_MAX: Final = 500_000
"""Values in one file, each use of an alias counted anew."""
DEPTH_MAX: Final = 64
"""Levels of nesting in one file."""

_TAG = "tag:yaml.org,2002:"
_PLAIN = "plain"
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DIGITS_MAX = 400


class _Loader(_BASE):  # type: ignore[misc]  # the C loader has no stubs
    """PyYAML's composer without its YAML 1.1 resolvers; an unquoted scalar is `_PLAIN`."""

    def resolve(self, kind: type[yaml.Node], _value: Any, implicit: Any) -> str:
        """The tag of a node that carries none."""
        if kind is not yaml.ScalarNode:
            return f"{_TAG}{'map' if kind is yaml.MappingNode else 'seq'}"
        return _PLAIN if implicit[0] else f"{_TAG}str"


class _Stop(Exception):
    """The file cannot be read any further; the finding says why."""


def read_yaml(text: str, file: str) -> tuple[Any, list[Finding]]:
    """The document as marked values (None when it cannot be read to its end), and every finding."""
    try:
        if _is_too_deep(text):
            return None, [_finding(Place(file, 1), *_TOO_DEEP)]
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        return None, [_syntax(error, file)]
    if node is None:
        return None, [_finding(Place(file, 1), "The file is empty.", "Write its content.")]
    builder = _Builder(file)
    try:
        value = builder.value(node, 0)
    except _Stop:
        return None, builder.findings
    return value, builder.findings


def _is_too_deep(text: str) -> bool:
    """Whether the nesting passes the cap; the composer would exhaust the C stack on it."""
    depth = 0
    for event in yaml.parse(text, Loader=_BASE):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEPTH_MAX + 1:
                return True
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return False


_TOO_DEEP = (
    f"The file is nested more than {DEPTH_MAX} levels deep.",
    "Flatten it, or move the schema's inner parts to $defs.",
)


class _Builder:
    """Turns nodes into marked values and collects what is wrong with them."""

    def __init__(self, file: str) -> None:
        self.findings: list[Finding] = []
        self._file = file
        self._nodes = 0

    def value(self, node: yaml.Node, depth: int) -> Any:
        """The value of a node. Aliases are nodes met again, so a cycle runs into the depth."""
        self._nodes += 1
        if self._nodes > NODES_MAX:
            self._stop(
                node,
                f"The file holds more than {NODES_MAX:,} values once its aliases are expanded.",
                "Split it over several files, or use fewer aliases.",
            )
        if depth > DEPTH_MAX:
            self._stop(node, *_TOO_DEEP)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        if isinstance(node, yaml.SequenceNode):
            return self._sequence(node, depth)
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, depth: int) -> MarkedMap:
        self._known_tag(node, "map")
        result = MarkedMap(self._place(node))
        for key_node, value_node in node.value:
            key = self._key(key_node)
            value = self.value(value_node, depth + 1)
            if key is None:
                continue
            if key in result:
                self._report(
                    key_node,
                    f"The key '{key}' stands twice; it was first written on line "
                    f"{result.keys_at[key].line}.",
                    "Keep one of the two.",
                )
                continue
            result.put(key, value, self._place(key_node))
        return result

    def _sequence(self, node: yaml.SequenceNode, depth: int) -> MarkedList:
        self._known_tag(node, "seq")
        result = MarkedList(self._place(node))
        for item in node.value:
            result.add(self.value(item, depth + 1), self._place(item))
        return result

    def _key(self, node: yaml.Node) -> str | None:
        value = self._scalar(node) if isinstance(node, yaml.ScalarNode) else None
        if isinstance(value, str):
            return value
        shown = node.value if isinstance(node, yaml.ScalarNode) else "…"
        self._report(node, f"The key {shown} is not text.", f"Put it in quotes: '{shown}'.")
        return None

    def _scalar(self, node: yaml.Node) -> Any:
        if node.tag == _PLAIN:
            return self._plain_scalar(node, node.value)
        self._known_tag(node, "str")
        return node.value

    def _plain_scalar(self, node: yaml.Node, text: str) -> Any:
        if text in _NULLS:
            return None
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        if _INTEGER.fullmatch(text) and len(text) <= _DIGITS_MAX:
            return int(text, 0 if text[:2] in {"0o", "0x"} else 10)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if number not in {float("inf"), float("-inf")}:
                return number
        if _FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text):
            self._report(
                node,
                f"{text[:40]} is not a number that JSON can hold.",
                "Write a finite number, or put it in quotes to make it text.",
            )
        return text

    def _known_tag(self, node: yaml.Node, kind: str) -> None:
        if node.tag != f"{_TAG}{kind}":
            self._report(
                node,
                f"The tag {node.tag.replace(_TAG, '!!')} is not used here.",
                "Remove the tag; write plain mappings, lists and scalars.",
            )

    def _place(self, node: yaml.Node) -> Place:
        return Place(self._file, node.start_mark.line + 1)

    def _report(self, node: yaml.Node, message: str, mend: str) -> None:
        self.findings.append(_finding(self._place(node), message, mend))

    def _stop(self, node: yaml.Node, message: str, mend: str) -> None:
        self._report(node, message, mend)
        raise _Stop


def _syntax(error: yaml.YAMLError, file: str) -> Finding:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark else 1
    said = getattr(error, "problem", None) or "it holds a character that YAML does not allow"
    mend = "Mend the YAML at this line; an editor with a YAML mode shows the place."
    return _finding(Place(file, line), f"This is not valid YAML: {said}.", mend)


def _finding(place: Place, message: str, mend: str) -> Finding:
    return Finding("error", "format", str(place), message, mend)
