"""One generic resource becomes a particular one: some of its arguments are fixed.

A fixed argument leaves the schemas of the records. In a path and in the address of a resource it
becomes a percent-encoded literal, in query, headers and body the value itself; declared by a query
or header schema and used by no template, it becomes a constant of the method's query or headers.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from mcpassport.errors import InvalidArguments, InvalidExpression
from mcpassport.expressions import Placeholder, encode_segment, parse_template
from mcpassport.integrations.compile import readable
from mcpassport.integrations.crosscheck import Slip
from mcpassport.integrations.marks import MarkedList, MarkedMap, Place, copied, marked
from mcpassport.integrations.schema import Derive

Fixed = Mapping[str, str | int | float | bool]

_NOT_WORDS = frozenset({"default", "const", "enum", "examples", "example", "pattern"})
_EXPRESSIONS = ("request", "response", "errors", "progress", "final")


class Derived(NamedTuple):
    """The new resource, its records with their places, and what matched nothing."""

    resource: MarkedMap
    records: list[tuple[MarkedMap, Place]]
    slips: list[Slip]


def derive(
    entry: Derive, source: MarkedMap, records: Sequence[tuple[Any, Place]], place: Place
) -> Derived:
    """Make the resource that `entry` describes; `place` is where the overlay says so."""
    work = _Work(entry)
    methods = MarkedMap(place)
    for name, method in _mapping(source.get("methods")).items():
        if name in (entry.methods or source["methods"]):
            methods.put(name, work.method(name, method), source["methods"].keys_at[name])
    documented = [
        (work.record(record, methods.get(record.get("method"))), at)
        for record, at in records
        if record.get("method") in methods
    ]
    resource = MarkedMap(place)
    resource.put("label", entry.label or readable(entry.resource), place)
    if entry.singular:
        resource.put("singular", entry.singular, place)
    tags = source.get("tags", []) if entry.tags is None else entry.tags
    resource.put("tags", marked(tags, place), place)
    resource.put("methods", methods, place)
    return Derived(resource, documented, work.unmatched())


class _Work:
    """Fixes arguments and replaces words; remembers which of them were found."""

    def __init__(self, entry: Derive) -> None:
        self._entry = entry
        self._fixed: Fixed = entry.args
        self._words = {word.lower(): new for word, new in entry.words.items()}
        self._used: set[str] = set()
        self._said: set[str] = set()
        self._slips: list[Slip] = []

    def unmatched(self) -> list[Slip]:
        """What went wrong: fixed arguments and words that occur nowhere among them."""
        for name in self._fixed:
            if name not in self._used:
                self._slip(("args", name), f"derive: no method uses the argument '{name}'.")
        for word in self._words:
            if word not in self._said:
                self._slip(("words",), f"derive: no title or description has the word '{word}'.")
        return self._slips

    def _slip(self, path: tuple[str | int, ...], message: str) -> None:
        self._slips.append(Slip(path, message, "Remove the entry, or mend its name."))

    def method(self, name: str, method: Any) -> Any:
        """The method with the arguments fixed in its templates."""
        fresh = copied(method)
        if not isinstance(fresh, MarkedMap):
            return fresh
        self._refuse_expressions(name, fresh)
        for slot in ("path", "query", "headers", "body"):
            if slot in fresh:
                fresh[slot] = self._substituted(fresh[slot], slot)
        for block in _blocks(fresh):
            if "uri" in block:
                block["uri"] = self._substituted(block["uri"], "uri")
        return fresh

    def _refuse_expressions(self, name: str, method: MarkedMap) -> None:
        blocks = [("content", block.get("value")) for block in _blocks(method)]
        for slot, text in [*((slot, method.get(slot)) for slot in _EXPRESSIONS), *blocks]:
            for argument in self._fixed:
                if isinstance(text, str) and re.search(rf"\bargs\.`?{re.escape(argument)}\b", text):
                    self._used.add(argument)
                    self._slips.append(
                        Slip(
                            ("args", argument),
                            f"derive: the {slot} expression of '{name}' reads args.{argument}, "
                            "which is fixed here.",
                            "Patch the expression, or fix another argument.",
                        )
                    )

    def _substituted(self, value: Any, slot: str) -> Any:
        if isinstance(value, str):
            return self._text(value, slot)
        for key in value if isinstance(value, MarkedMap) else ():
            value[key] = self._substituted(value[key], slot)
        if isinstance(value, MarkedList):
            value[:] = [self._substituted(item, slot) for item in value]
        return value

    def _text(self, text: str, slot: str) -> Any:
        try:
            parts = parse_template(text, slot).parts
        except InvalidExpression:
            return text
        if not any(self._is_fixed(part) for part in parts):
            return text
        values = [self._literal(part, slot) for part in parts]
        if len(values) == 1 and slot in {"query", "body"}:
            return values[0]
        return "".join(_as_text(value) for value in values)

    def _is_fixed(self, part: str | Placeholder) -> bool:
        return (
            isinstance(part, Placeholder)
            and part.scope == "args"
            and len(part.path) == 1
            and part.path[0] in self._fixed
        )

    def _literal(self, part: str | Placeholder, slot: str) -> Any:
        if isinstance(part, str) or not self._is_fixed(part):
            return str(part)
        name = part.path[0]
        self._used.add(name)
        value = self._fixed[name]
        if slot not in {"path", "uri"}:
            return value
        try:
            return encode_segment(value, name)
        except InvalidArguments:
            message = f"derive: the value of '{name}' cannot be a segment of a path."
            self._slips.append(Slip(("args", name), message, "Write another value."))
            return "x"

    def record(self, record: MarkedMap, method: Any) -> MarkedMap:
        """The record of the new resource, without the fixed arguments, in its words."""
        fresh: MarkedMap = copied(record)
        fresh["resource"] = self._entry.resource
        for slot, part in (("path", "path"), ("query", "query"), ("headers", "header")):
            taken = self._taken(fresh, f"{part}_schema")
            if isinstance(method, MarkedMap) and slot != "path":
                self._constants(method, slot, taken)
        for example in fresh.get("examples") or ():
            self._strip(_mapping(example).get("arguments"))
        self._say(fresh)
        return fresh

    def _taken(self, record: MarkedMap, key: str) -> list[str]:
        """Remove the fixed arguments from one schema; which of them it declared."""
        schema = record.get(key)
        properties = _mapping(schema).get("properties")
        if not isinstance(schema, MarkedMap) or not isinstance(properties, MarkedMap):
            return []
        taken = self._strip(properties)
        required = schema.get("required")
        if taken and isinstance(required, list):
            schema["required"] = marked([n for n in required if n not in taken], schema.place)
        if taken and not schema.get("required"):
            schema.pop("required", None)
        if taken and not properties:
            del record[key]
        return taken

    def _strip(self, values: Any) -> list[str]:
        taken = [name for name in self._fixed if name in _mapping(values)]
        for name in taken:
            del values[name]
        return taken

    def _constants(self, method: MarkedMap, slot: str, names: list[str]) -> None:
        for name in names:
            if name in self._used and slot in method and name in method[slot]:
                continue
            self._used.add(name)
            value = self._fixed[name]
            if slot not in method:
                method.put(slot, MarkedMap(method.place), method.place)
            constant = _as_text(value) if slot == "headers" else value
            method[slot].put(name, constant, method.place)

    def _say(self, value: Any) -> None:
        """Replace the words in every title and description below `value`."""
        if isinstance(value, MarkedMap):
            for key, member in value.items():
                if key in {"title", "description"} and isinstance(member, str):
                    value[key] = self._reworded(member)
                elif key not in _NOT_WORDS:
                    self._say(member)
        elif isinstance(value, list):
            for item in value:
                self._say(item)

    def _reworded(self, text: str) -> str:
        if not self._words:
            return text
        words = "|".join(re.escape(word) for word in self._words)
        return re.sub(rf"\b({words})\b", self._new_word, text, flags=re.IGNORECASE)

    def _new_word(self, match: re.Match[str]) -> str:
        old = match.group()
        self._said.add(old.lower())
        new = self._words[old.lower()]
        return new[:1].upper() + new[1:] if old[:1].isupper() else new


def _blocks(method: MarkedMap) -> list[MarkedMap]:
    """The declared blocks of a method's answer."""
    content = method.get("content")
    blocks = content if isinstance(content, list) else []
    return [block for block in blocks if isinstance(block, MarkedMap)]


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
