"""Schemas of OpenAPI and Swagger as self-contained JSON Schema 2020-12, which 3.1 has already.

What a `$ref` leads to is inlined where it is a plain scalar, and at the root; everything else,
cycles among it, moves to `$defs`, whose bodies are converted once and shared by all operations.
`nullable` becomes a union of types, int64 `[integer, string]`, a bound beyond 2^53-1 is dropped and
reported; read-only members leave requests, write-only ones leave answers. Bytes of a request are
Base64, since an argument is JSON.
"""

from typing import Any, Literal, TypeAlias

from msgspec import Struct

from mcpassport.integrations.openapi.combine import DEFS, PREFIX, flattened, kinds_of
from mcpassport.integrations.openapi.documents import Documents, Node
from mcpassport.integrations.openapi.keywords import (
    BOUNDS,
    FORMATS,
    HANDLED,
    IGNORED,
    MODERN_SOUND,
    MODERN_SUBSCHEMA_LISTS,
    MODERN_SUBSCHEMAS,
    NESTED,
    SOUND,
    SUBSCHEMA_LISTS,
    SUBSCHEMA_MAPS,
    SUBSCHEMAS,
    is_exact,
    is_number,
)
from mcpassport.integrations.openapi.report import Report
from mcpassport.integrations.openapi.text import plain_text, slug
from mcpassport.limits import MAX_SAFE_INTEGER
from mcpassport.records.findings import Finding
from mcpassport.records.integration import JsonSchema

Direction: TypeAlias = Literal["request", "response"]
Schema: TypeAlias = dict[str, Any]

_SAID = frozenset({"description", "title", "default", "deprecated"})
"""Keywords that restrict nothing: beside a `$ref` they stand over those of its target."""


class _Definition(Struct, frozen=True):
    """A converted `$defs` body, the places it refers to, and what was found on the way."""

    schema: JsonSchema
    uses: tuple[Node, ...]
    findings: tuple[Finding, ...]


class SchemaReader:
    """Converts schemas of one description; `modern` ones are of JSON Schema 2020-12."""

    def __init__(self, documents: Documents, report: Report, *, modern: bool = False) -> None:
        self.modern = modern
        self._documents = documents
        self._report = report
        self._names: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()
        self._converted: dict[tuple[str, str, Direction], _Definition] = {}

    def convert(self, node: Node, direction: Direction) -> JsonSchema:
        """The schema at `node`, self-contained."""
        part = _Part(self, direction)
        root = part.schema(node)
        definitions = self._closure(part.uses, direction)
        return flattened(root | {DEFS: definitions}) if isinstance(root, dict) else root

    def follow(self, node: Node) -> Node | None:
        """What a `$ref` leads to."""
        return self._documents.follow(node)

    def add(self, rule: str, node: Node, message: str) -> None:
        """Report something at that place."""
        self._report.add(rule, node.where, message)

    def name(self, node: Node) -> str:
        """The name of that place in `$defs`: that of the component, made unique."""
        place = (node.file, node.pointer)
        if place not in self._names:
            last = node.pointer.rpartition("/")[2] or node.file.rpartition("/")[2].partition(".")[0]
            base = slug(last) or "schema"
            name, count = base, 1
            while name in self._taken:
                count += 1
                name = f"{base}_{count}"
            self._taken.add(name)
            self._names[place] = name
        return self._names[place]

    def _closure(self, uses: list[Node], direction: Direction) -> dict[str, Any]:
        """The definitions those places need, and the ones these need in turn."""
        found: dict[str, Any] = {}
        waiting = list(uses)
        while waiting:
            node = waiting.pop()
            name = self.name(node)
            if name in found:
                continue
            definition = self._definition(node, direction)
            found[name] = definition.schema
            self._report.repeat(definition.findings)
            waiting.extend(definition.uses)
        return dict(sorted(found.items()))

    def _definition(self, node: Node, direction: Direction) -> _Definition:
        key = (node.file, node.pointer, direction)
        if key not in self._converted:
            part = _Part(self, direction)
            with self._report.scope() as scope:
                schema = part.schema(node)
            self._converted[key] = _Definition(schema, tuple(part.uses), scope.findings)
        return self._converted[key]


class _Part:
    """One conversion: a root or one definition. Collects the places that `$defs` must hold."""

    def __init__(self, reader: SchemaReader, direction: Direction) -> None:
        self.uses: list[Node] = []
        self._reader = reader
        self._direction = direction
        self._modern = reader.modern
        self._hidden = "readOnly" if direction == "request" else "writeOnly"

    def schema(self, node: Node) -> JsonSchema:
        """The schema at `node`; a `$ref` in it becomes one to `$defs`."""
        if isinstance(node.value, bool):
            return node.value
        if not isinstance(node.value, dict):
            self._reader.add("malformed", node, "This is not a schema; anything is accepted here.")
            return {}
        if isinstance(node.value.get("$ref"), str):
            return self._reference(node)
        schema: Schema = {}
        for key, child in node.members():
            self._keyword(schema, key, child)
        self._properties(schema, node)
        _bounds(schema, node)
        self._format(schema, node)
        return _nullable(schema, node)

    def _reference(self, node: Node) -> JsonSchema:
        target = self._reader.follow(node)
        if target is None:
            return {}
        beside = self._beside(node)
        if isinstance(target.value, dict) and not NESTED & target.value.keys():
            found = self.schema(target)
        else:
            self.uses.append(target)
            found = {"$ref": f"{PREFIX}{self._reader.name(target)}"}
        if not isinstance(found, dict) or beside.keys() <= _SAID:
            return found | beside if isinstance(found, dict) else found
        rules = {key: value for key, value in beside.items() if key not in _SAID}
        said = {key: value for key, value in beside.items() if key in _SAID}
        return {"allOf": [found, rules]} | said

    def _beside(self, node: Node) -> Schema:
        """What stands beside a `$ref`: rules of their own in JSON Schema 2020-12 only."""
        if not self._modern:
            said = plain_text(node.text("description"))
            return {"description": said} if said else {}
        rest = {key: value for key, value in node.mapping.items() if key != "$ref"}
        schema = self.schema(Node(rest, node.file, node.pointer))
        return schema if isinstance(schema, dict) else {}

    def _keyword(self, schema: Schema, key: str, child: Node) -> None:
        if key in HANDLED or key in IGNORED or key.startswith("x-"):
            return
        if key in SUBSCHEMAS or (self._modern and key in MODERN_SUBSCHEMAS):
            schema[key] = self.schema(child)
        elif key in SUBSCHEMA_LISTS or (self._modern and key in MODERN_SUBSCHEMA_LISTS):
            members = [self.schema(item) for item in child.items()]
            if members:
                schema[key] = members
        elif self._modern and key in SUBSCHEMA_MAPS:
            schema[key] = {name: self.schema(item) for name, item in child.members()}
        elif key in {"exclusiveMinimum", "exclusiveMaximum"} and isinstance(child.value, bool):
            return
        else:
            self._plain(schema, key, child)

    def _plain(self, schema: Schema, key: str, child: Node) -> None:
        """A keyword whose value is no schema."""
        is_sound = SOUND.get(key) or (MODERN_SOUND.get(key) if self._modern else None)
        if is_sound is None:
            self._reader.add("schema", child, f"'{key[:60]}' is no keyword here and was left out.")
        elif not is_sound(child.value):
            self._reader.add(
                "schema", child, f"The value of '{key}' is not sound; it was left out."
            )
        elif not is_exact(child.value):
            rule = "integer_bound" if key in BOUNDS else "schema"
            text = f"'{key}' is beyond 2^53-1 and was left out."
            self._reader.add(rule, child, text)
        else:
            self._take(schema, key, child.value)

    @staticmethod
    def _take(schema: Schema, key: str, value: Any) -> None:
        if key == "description":
            value = plain_text(value)
        elif key == "required":
            value = list(dict.fromkeys(value))
        elif isinstance(value, float) and value.is_integer() and abs(value) <= MAX_SAFE_INTEGER:
            value = int(value)
        if value not in ("", []) or key == "default":
            schema[key] = value

    def _properties(self, schema: Schema, node: Node) -> None:
        """Members that this direction sees; the hidden ones leave `required` too."""
        members = node.child("properties")
        if members.value is not None and not isinstance(members.value, dict):
            self._reader.add("malformed", members, "'properties' is not a mapping of schemas.")
        hidden = {name for name, child in members.members() if child.flag(self._hidden)}
        if isinstance(members.value, dict):
            schema["properties"] = {
                name: self.schema(child) for name, child in members.members() if name not in hidden
            }
        left = [name for name in schema.get("required", ()) if name not in hidden]
        schema.pop("required", None)
        if left:
            schema["required"] = left
        title = plain_text(node.text("title"))
        repeats_name = slug(title) == slug(node.pointer.rpartition("/")[2])
        if title and not repeats_name and "description" not in schema:
            schema["title"] = title

    def _format(self, schema: Schema, node: Node) -> None:
        name, kinds = node.text("format"), kinds_of(schema)
        if name == "int64" and "integer" in kinds:
            if "string" not in kinds:
                others = sorted(kinds - {"integer"})
                schema["type"] = ["integer", "string", *others]
                schema.setdefault("pattern", "^-?[0-9]+$")
        elif name == "binary" and "string" in kinds and self._direction == "request":
            schema["contentEncoding"] = "base64"
        elif name in FORMATS and kinds <= {"string", "null"}:
            schema["format"] = name


def _bounds(schema: Schema, node: Node) -> None:
    """`exclusiveMinimum: true` of OpenAPI 3.0 as the number of JSON Schema 2020-12."""
    for plain, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if node.flag(exclusive) and is_number(schema.get(plain)):
            schema[exclusive] = schema.pop(plain)


def _nullable(schema: Schema, node: Node) -> Schema:
    if not (node.flag("nullable") or node.flag("x-nullable")):
        return schema
    if "enum" in schema and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    kinds = schema.get("type")
    if kinds is not None:
        listed = kinds if isinstance(kinds, list) else [kinds]
        schema["type"] = listed if "null" in listed else [*listed, "null"]
        return schema
    if not SUBSCHEMA_LISTS & schema.keys():
        return schema
    said: Schema = {key: schema.pop(key) for key in ("description", "title") if key in schema}
    return {**said, "anyOf": [schema, {"type": "null"}]}
