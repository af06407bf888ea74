"""Which of the media types that a body may have is sent, and how its schema says what is a file."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from mcpassport.integrations.openapi.combine import DEFS, kinds_of, resolved, with_needed
from mcpassport.integrations.openapi.documents import Node
from mcpassport.integrations.openapi.model import Body
from mcpassport.integrations.openapi.operations import Unmappable, is_json
from mcpassport.records.integration import BodyFormat, JsonSchema, QueryArrayFormat
from mcpassport.upstream.media import is_json as reads_as_json
from mcpassport.upstream.media import is_media_type, is_textual, media_type

FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
_SAID: Final[tuple[str, ...]] = ("description", "title", "default", "deprecated")


class Sendable(NamedTuple):
    """The member of a description, the body format for it, and its media type."""

    name: str
    format: BodyFormat
    type: str = ""


class Encoding(NamedTuple):
    """What the description says of one member of a form or multipart body."""

    media_type: str = ""
    arrays: QueryArrayFormat = "repeat"


def sendable(names: Sequence[str]) -> Sendable | None:
    """JSON if it is taken, then a form, parts, and last one text or file. None: nothing of these.

    Parts go before a form where both are taken, since only parts hold files.
    """
    known = {name: media_type(name)[0] for name in names}
    plain = next((name for name, kind in known.items() if is_json(kind)), None)
    if plain is not None:
        return Sendable(plain, "json")
    for name, kind in known.items():
        if reads_as_json(kind):
            return Sendable(name, "json", kind)
    formats: tuple[tuple[str, BodyFormat], ...] = ((MULTIPART, "multipart"), (FORM, "form"))
    for wanted, chosen in formats:
        for name, kind in known.items():
            if kind == wanted:
                return Sendable(name, chosen)
    for name, kind in known.items():
        if not kind.startswith(("multipart/", "message/")) and "/" in kind:
            return Sendable(name, "raw", kind)
    return None


def body_of(kind: Sendable, schema: JsonSchema, said: Mapping[str, Encoding], node: Node) -> Body:
    """The body in that format. `Unmappable` when the schema is of nothing that it can hold."""
    if kind.format == "json":
        return Body(schema, media_type=kind.type, where=node.where)
    if kind.format == "raw":
        return Body(_raw(kind, schema, node), "raw", where=node.where)
    if not isinstance(schema, dict) or not schema.get("properties"):
        raise Unmappable("body_media_type", node, f"The {kind.format} body has no named parts.")
    definitions = schema.get(DEFS, {})
    properties = schema["properties"]
    if kind.format == "multipart":
        properties = {
            name: _member(member, said.get(name, Encoding()), definitions)
            for name, member in properties.items()
        }
    root = {key: value for key, value in schema.items() if key != DEFS}
    whole = with_needed(root | {"properties": properties}, definitions)
    arrays = {name: encoding.arrays for name, encoding in said.items()}
    return Body(whole, kind.format, where=node.where, arrays=arrays)


def _raw(kind: Sendable, schema: JsonSchema, node: Node) -> dict[str, Any]:
    """One text or file: what the schema says of it is kept, its rules only where it is text."""
    given = schema if isinstance(schema, dict) else {}
    kinds = kinds_of(given) - {"null"}
    if kinds - {"string"} or "properties" in given:
        raise Unmappable("body_media_type", node, f"The body is {kind.type}.")
    about: dict[str, Any] = {"contentMediaType": kind.type} if is_media_type(kind.type) else {}
    if is_textual(kind.type) and "contentEncoding" not in given:
        return {**given, "type": "string", **about}
    said: dict[str, Any] = {key: given[key] for key in _SAID if key in given}
    return {**said, "type": "string", "contentEncoding": "base64", **about}


def _member(schema: JsonSchema, said: Encoding, definitions: dict[str, Any]) -> JsonSchema:
    """A member of a multipart body; one of bytes becomes Base64 with its media type."""
    meant = resolved(schema, definitions)
    if kinds_of(meant) - {"null"} == {"array"}:
        items = _member(meant.get("items", {}), said, definitions)
        same = items == meant.get("items", {})
        return schema if same else {**_told(schema, meant), "items": items}
    described = meant.get("contentMediaType", "")
    wanted = said.media_type.partition(",")[0] or (described if isinstance(described, str) else "")
    kind = media_type(wanted)[0]
    binary = meant.get("contentEncoding") == "base64" or (
        kinds_of(meant) <= {"string", "null"} and bool(kind) and not is_textual(kind)
    )
    if not binary and said.media_type and is_media_type(kind) and kinds_of(meant) == {"string"}:
        return {**_told(schema, meant), "contentMediaType": kind}
    if not binary:
        return schema
    about = {"contentMediaType": kind} if is_media_type(kind) else {}
    about = {} if kind == "application/octet-stream" else about
    kept = {key: value for key, value in meant.items() if key in _SAID}
    return {**kept, "type": "string", "contentEncoding": "base64", **about}


def _told(schema: JsonSchema, meant: dict[str, Any]) -> dict[str, Any]:
    """What is meant, with what is said beside the reference to it."""
    beside = schema if isinstance(schema, dict) else {}
    return {**meant, **{key: beside[key] for key in _SAID if key in beside}}
