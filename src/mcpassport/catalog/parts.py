"""The parts of a request as a documentation record declares them: path, query, header, body."""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from mcpassport.catalog.rules import MergeError
from mcpassport.catalog.schemas import COMBINATORS, check_schema, split_fragment
from mcpassport.expressions import parse_template
from mcpassport.records.integration import Documentation, JsonSchema, Method
from mcpassport.records.tool import EVERY_OTHER, Part

ID = "id"
DEFAULT_ID: JsonSchema = {"type": "string", "minLength": 1}
BODY: Final = "body"
FORBIDDEN_HEADERS = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that decide who asks, where to, or how the message is framed; never an argument."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_IN_PLACE_LISTS = ("allOf", "anyOf", "oneOf")
_IN_PLACE = ("if", "then", "else")


class Argument(NamedTuple):
    """One argument: its key in the part's schema, its name on the wire, the name it should show.

    `name` is None when the whole body travels as this argument.
    """

    declared: str
    name: str | None
    wanted: str
    schema: JsonSchema
    required: bool


class Section(NamedTuple):
    """One part of the request; `authored` is False for a path whose only argument is implied."""

    part: Part
    label: str
    schema: JsonSchema
    arguments: tuple[Argument, ...]
    authored: bool = True
    whole: bool = False


def read_parts(method: Method, record: Documentation) -> list[Section]:
    """The parts that have arguments or a schema, in the order path, query, header, body.

    Raises `MergeError` for an invalid schema, a path whose placeholders and schema differ, and
    headers that an argument must not set.
    """
    sections = [
        _path(method, record.path_schema),
        _query(method, record.query_schema),
        _headers(method, record.header_schema),
        _body(record.body_schema),
    ]
    return [section for section in sections if section is not None]


def path_arguments(method: Method) -> tuple[str, ...]:
    """The names of `{{args.…}}` in the path, each once, in order."""
    placeholders = parse_template(method.path, "path").placeholders
    return tuple(dict.fromkeys(p.path[0] for p in placeholders if p.scope == "args" and p.path))


def admits_undeclared(schema: dict[str, Any]) -> bool:
    """Whether the root's own rule lets arguments through that it does not name.

    Absence of a rule is not such a rule: unknown arguments are refused.
    """
    if "patternProperties" in schema or "$dynamicRef" in schema:
        return True
    return any(
        schema.get(keyword, False) is not False
        for keyword in ("additionalProperties", "unevaluatedProperties")
    )


def declared_names(schema: dict[str, Any]) -> tuple[str, ...]:
    """Every property named at the root or by what applies in place there (`anyOf`, `$ref`, …)."""
    names: dict[str, None] = {}
    seen: set[int] = set()
    waiting: list[Any] = [schema]
    while waiting:
        item = waiting.pop(0)
        if not isinstance(item, dict) or id(item) in seen:
            continue
        seen.add(id(item))
        names.update(dict.fromkeys(item.get("properties", {})))
        waiting.extend(_in_place(item, schema))
    return tuple(names)


def _in_place(item: dict[str, Any], root: dict[str, Any]) -> Iterator[Any]:
    for keyword in _IN_PLACE_LISTS:
        yield from item.get(keyword, [])
    for keyword in _IN_PLACE:
        yield item.get(keyword)
    yield from item.get("dependentSchemas", {}).values()
    reference = item.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        target: Any = root
        for token in split_fragment(reference):
            target = target.get(token) if isinstance(target, dict) else None
        yield target


def _path(method: Method, schema: JsonSchema | None) -> Section | None:
    names = path_arguments(method)
    if schema is None and not names:
        return None
    root = _object_root(schema, "path_schema") if schema is not None else {}
    properties = dict(root.get("properties", {}))
    arguments = tuple(_path_argument(name, method.id_param, properties) for name in names)
    if extra := properties.keys() - {argument.declared for argument in arguments}:
        raise MergeError("path_argument", f"path_schema declares {_listed(extra)} in vain.")
    return Section("path", "path_schema", root, arguments, authored=schema is not None)


def _path_argument(name: str, id_param: str, properties: dict[str, JsonSchema]) -> Argument:
    if name != ID:
        if name not in properties:
            raise MergeError("path_placeholder", f"The path has {{{{args.{name}}}}}.")
        return Argument(name, name, name, properties[name], required=True)
    # The record may declare the id under either name; the path always calls it `id`.
    declared = id_param if id_param in properties else ID
    return Argument(declared, ID, id_param, properties.get(declared, DEFAULT_ID), required=True)


def _parameters(part: Part, schema: JsonSchema | None) -> Section | None:
    if schema is None:
        return None
    label = f"{part}_schema"
    root = _object_root(schema, label)
    required = root.get("required", [])
    return Section(
        part,
        label,
        root,
        tuple(
            Argument(name, name, name, sub, required=name in required)
            for name, sub in root.get("properties", {}).items()
        ),
    )


def _query(method: Method, schema: JsonSchema | None) -> Section | None:
    section = _parameters("query", schema)
    own = method.authorization.name if method.authorization.kind == "query" else None
    if section is not None and own in {argument.declared for argument in section.arguments}:
        raise MergeError("credential_query", f"query_schema declares {own!r}.")
    return section


def _headers(method: Method, schema: JsonSchema | None) -> Section | None:
    section = _parameters("header", schema)
    if section is None:
        return None
    own = method.authorization.headers
    if method.authorization.kind == "header":
        own += (method.authorization.name or "",)
    forbidden = FORBIDDEN_HEADERS | {name.lower() for name in own}
    folded: set[str] = set()
    for argument in section.arguments:
        name = argument.declared.lower()
        if name in forbidden or not _HEADER_NAME.fullmatch(name):
            raise MergeError("forbidden_header", f"header_schema declares {argument.declared!r}.")
        if name in folded:
            raise MergeError(
                "unresolved_clash", f"header_schema declares {argument.declared!r} twice."
            )
        folded.add(name)
    return section


def _body(schema: JsonSchema | None) -> Section | None:
    if schema is None:
        return None
    if _is_plain_object(schema):
        return _parameters(BODY, schema)
    check_schema(schema, "body_schema")
    argument = Argument(BODY, None, BODY, schema, required=True)
    return Section(BODY, "body_schema", schema, (argument,), whole=True)


def _is_plain_object(schema: JsonSchema) -> bool:
    return (
        isinstance(schema, dict)
        and schema.get("type", "object" if "properties" in schema else None) == "object"
        and not COMBINATORS & schema.keys()
    )


def _object_root(schema: JsonSchema, label: str) -> dict[str, Any]:
    check_schema(schema, label)
    if isinstance(schema, bool) or schema.get("type", "object") != "object":
        raise MergeError("invalid_schema", f"{label} is not an object schema.")
    if EVERY_OTHER in schema.get("properties", {}):
        raise MergeError("unresolved_clash", f"{label} declares {EVERY_OTHER!r}.")
    return schema


def _listed(names: set[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names))
