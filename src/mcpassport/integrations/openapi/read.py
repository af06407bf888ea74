"""Text of a foreign description to plain JSON values: YAML 1.2 core or JSON, bounded, no surprises.

A description comes from strangers, so it is built from the parser's events, without recursion:
depth and size are counted while it grows, and each use of an alias counts as if it were written
out. Other than in files of our own, keys such as `200` are text, since descriptions write them so.
"""

import json
import math
import re
from collections import Counter
from typing import Any, Final, NamedTuple

import yaml

BYTES_MAX: Final = 32 * 2**20
"""One file."""
NODES_MAX: Final = 4_000_000
"""Values in one file, each use of an alias counted anew."""
DEPTH_MAX: Final = 64
"""Levels of nesting in one file."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DIGITS_MAX = 400


class Unreadable(ValueError):
    """The text is not a document that can be used; the message says why."""


class Document(NamedTuple):
    """A document's value, and the keys that stand twice in one of its mappings."""

    value: Any
    doubled: tuple[str, ...]


def read_text(data: bytes) -> Document:
    """The JSON or YAML document in those bytes. `Unreadable` when there is none."""
    if len(data) > BYTES_MAX:
        raise Unreadable(f"it is larger than {BYTES_MAX // 2**20} MiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("it is not UTF-8 text") from None
    if text.lstrip()[:1] in {"{", "["}:
        try:
            return _json(text)
        except json.JSONDecodeError:
            return _yaml(text)  # a YAML flow mapping starts like JSON
    return _yaml(text)


def _json(text: str) -> Document:
    doubled: dict[str, None] = {}

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            counted = Counter(key for key, _ in pairs)
            doubled.update((key, None) for key, times in counted.items() if times > 1)
        return result

    try:
        value = json.loads(
            text,
            object_pairs_hook=mapping,
            parse_float=_number,
            parse_int=_whole,
            parse_constant=_constant,
        )
    except RecursionError:
        raise Unreadable(_TOO_DEEP) from None
    _measure(value)
    return Document(value, tuple(doubled))


_TOO_DEEP = f"it is nested more than {DEPTH_MAX} levels deep"
_TOO_MANY = f"it holds more than {NODES_MAX:,} values once its aliases are written out"


def _measure(root: Any) -> None:
    """Refuse what is too deep, too large, or holds half of a surrogate pair."""
    waiting: list[tuple[Any, int]] = [(root, 1)]
    count = 0
    while waiting:
        value, depth = waiting.pop()
        count += 1
        if depth > DEPTH_MAX:
            raise Unreadable(_TOO_DEEP)
        if isinstance(value, dict):
            waiting.extend((member, depth + 1) for member in value.values())
            waiting.extend((key, depth) for key in value)
        elif isinstance(value, list):
            waiting.extend((item, depth + 1) for item in value)
        elif isinstance(value, str):
            _checked_text(value)
        if count > NODES_MAX:
            raise Unreadable(_TOO_MANY)


def _checked_text(text: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Unreadable("it holds half of a surrogate pair") from None
    return text


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Unreadable(f"the number {text[:40]} is not finite")
    return number


def _whole(text: str) -> int:
    if len(text) > _DIGITS_MAX:
        raise Unreadable(f"a number has more than {_DIGITS_MAX} digits")
    return int(text)


def _constant(text: str) -> Any:
    raise Unreadable(f"{text} is not a JSON number")


class _Frame:
    """A mapping or list that is being filled."""

    __slots__ = ("anchor", "depth", "key", "nodes", "value", "waits_for_key")

    def __init__(self, value: Any, anchor: str | None) -> None:
        self.value = value
        self.anchor = anchor
        self.nodes = 1
        self.depth = 1
        self.key = ""
        self.waits_for_key = isinstance(value, dict)


class _Sized(NamedTuple):
    value: Any
    nodes: int
    depth: int


def _yaml(text: str) -> Document:
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise Unreadable(
            f"it is neither JSON nor YAML; the mistake is{line or ' in its text'}"
        ) from None
    return Document(builder.root, tuple(builder.doubled))


class _Builder:
    """Builds one document from parser events."""

    def __init__(self) -> None:
        self.root: Any = None
        self.doubled: dict[str, None] = {}
        self._documents = 0
        self._open: list[_Frame] = []
        self._anchors: dict[str, _Sized] = {}

    def take(self, event: yaml.Event) -> None:
        """One event, in the order of the text."""
        if isinstance(event, yaml.ScalarEvent):
            self._add(_Sized(_scalar(event, key=self._at_key()), 1, 1), event.anchor)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._start(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            frame = self._open.pop()
            self._add(_Sized(frame.value, frame.nodes, frame.depth), frame.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise Unreadable("it holds more than one YAML document")

    def _at_key(self) -> bool:
        return bool(self._open) and self._open[-1].waits_for_key

    def _start(self, event: Any) -> None:
        if self._at_key():
            raise Unreadable(f"line {event.start_mark.line + 1} has a key that is not text")
        if len(self._open) >= DEPTH_MAX:
            raise Unreadable(_TOO_DEEP)
        empty: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._open.append(_Frame(empty, event.anchor))

    def _alias(self, event: yaml.AliasEvent) -> None:
        name = str(event.anchor)
        known = self._anchors.get(name)
        if known is None:
            raise Unreadable(f"the alias *{name[:40]} points to nothing that is complete")
        if self._at_key() and not isinstance(known.value, str):
            raise Unreadable(f"the alias *{name[:40]} stands for a key that is not text")
        self._add(known, None)

    def _add(self, part: _Sized, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = part
        if not self._open:
            self.root = part.value
            return
        frame = self._open[-1]
        frame.nodes += part.nodes
        frame.depth = max(frame.depth, part.depth + 1)
        if frame.nodes > NODES_MAX:
            raise Unreadable(_TOO_MANY)
        if len(self._open) + part.depth > DEPTH_MAX:
            raise Unreadable(_TOO_DEEP)
        self._place(frame, part.value)

    def _place(self, frame: _Frame, value: Any) -> None:
        if isinstance(frame.value, list):
            frame.value.append(value)
        elif frame.waits_for_key:
            if value in frame.value:
                self.doubled[value] = None
            frame.key = value
            frame.waits_for_key = False
        else:
            self._put(frame, value)
            frame.waits_for_key = True

    @staticmethod
    def _put(frame: _Frame, value: Any) -> None:
        if frame.key != "<<" or not isinstance(value, dict):
            frame.value[frame.key] = value
            return
        for key, member in value.items():  # YAML 1.1 merge key: what stands here already wins
            frame.value.setdefault(key, member)


def _scalar(event: yaml.ScalarEvent, *, key: bool) -> Any:
    text = _checked_text(event.value)
    if key or not event.implicit[0]:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return _whole(text)
    if _FLOAT.fullmatch(text):
        return _number(text)
    return text
