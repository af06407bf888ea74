"""The documentation record of one operation: its texts, and a schema for each part of a request."""

from typing import Any, Final

from mcpassport.integrations.openapi.address import PathTemplate
from mcpassport.integrations.openapi.combine import DEFS, kinds_of, resolved, with_needed
from mcpassport.integrations.openapi.keywords import SUBSCHEMA_LISTS
from mcpassport.integrations.openapi.model import Body, Operation, Parameter, Place
from mcpassport.integrations.openapi.naming import Named
from mcpassport.integrations.openapi.report import Report
from mcpassport.integrations.openapi.shapes import listed
from mcpassport.records.integration import JsonSchema, QueryArrayFormat

_STRUCTURED: Final = frozenset({"array", "object"})
_BODY_ROOT: Final = ("description", "properties", "required", DEFS)
_UNTOLD: Final = frozenset({"title", "default", "deprecated", "type"})
"""Keywords at the root of a body that say nothing about what may be sent."""


class Written:
    """What all records share: how lists are written, and what is no argument.

    `fixed_query` is the query value that the credential sets, if it sets one.
    """

    def __init__(
        self, array_format: QueryArrayFormat, fixed_headers: frozenset[str], fixed_query: str = ""
    ) -> None:
        self.array_format = array_format
        self.fixed_headers = fixed_headers
        self.fixed_query = fixed_query


def record(named: Named, path: PathTemplate, shared: Written, report: Report) -> dict[str, Any]:
    """The record; empty parts are left out, the description never."""
    operation = named.operation
    if not operation.description:
        report.add("no_description", operation.where, "The operation has no description.")
    head: dict[str, Any] = {"resource": named.resource, "method": named.method}
    if operation.summary:
        head["title"] = operation.summary
    head["description"] = operation.description
    parts = {
        "path_schema": _path_schema(operation, path, report),
        "query_schema": _schema_of("query", operation, shared, report),
        "header_schema": _schema_of("header", operation, shared, report),
        "body_schema": _body_schema(operation, shared, report),
        "response_schema": _response_schema(named),
        "deprecated": operation.deprecated or None,
    }
    return head | {key: value for key, value in parts.items() if value is not None}


def _path_schema(operation: Operation, path: PathTemplate, report: Report) -> dict[str, Any] | None:
    declared = {item.name: item for item in operation.parameters if item.place == "path"}
    properties: dict[str, Any] = {}
    for argument, name in path.arguments.items():
        parameter = declared.get(name)
        if parameter is None:
            said = f"'{name[:60]}' stands in the path and is not declared; it is taken as text."
            report.add("undeclared_path_parameter", operation.where, said)
            properties[argument] = {"type": "string", "minLength": 1}
        else:
            properties[argument] = _path_property(parameter, report)
    if not properties:
        return None
    return {"type": "object", "properties": properties, "required": list(properties)}


def _path_property(parameter: Parameter, report: Report) -> JsonSchema:
    schema = parameter.schema
    if not isinstance(schema, dict) or kinds_of(schema) & _STRUCTURED:
        said = f"'{parameter.name[:60]}' is no plain value; in a path it is taken as text."
        report.add("parameter", parameter.where, said)
        return {"type": "string", "minLength": 1}
    if schema.get("type") == "string" and "enum" not in schema:
        return schema | {"minLength": max(1, schema.get("minLength", 1))}
    return schema


def _schema_of(
    place: Place, operation: Operation, shared: Written, report: Report
) -> dict[str, Any] | None:
    parameters = [
        item
        for item in operation.parameters
        if item.place == place
        and not (place == "header" and item.name.lower() in shared.fixed_headers)
        and not (place == "query" and item.name == shared.fixed_query)
        and _can_be_sent(item, shared.array_format, report)
    ]
    if not parameters:
        return None
    result: dict[str, Any] = {
        "type": "object",
        "properties": {item.name: item.schema for item in parameters},
    }
    required = [item.name for item in parameters if item.required]
    return result | {"required": required} if required else result


def _can_be_sent(parameter: Parameter, array_format: QueryArrayFormat, report: Report) -> bool:
    schema = parameter.schema
    kinds = kinds_of(schema) if isinstance(schema, dict) else set()
    if "object" in kinds or ("array" in kinds and parameter.place == "header"):
        said = f"'{parameter.name[:60]}' is no plain value; in {parameter.place} it was left out."
        report.add("parameter", parameter.where, said)
        return False
    if parameter.array_format not in {None, array_format}:
        said = (
            f"The list '{parameter.name[:60]}' is written as '{parameter.array_format}', "
            f"the others as '{array_format}'; it was left out."
        )
        report.add("array_format", parameter.where, said)
        return False
    return True


def _body_schema(operation: Operation, shared: Written, report: Report) -> JsonSchema | None:
    body = operation.body
    if body is None:
        return None
    schema = _root_of(body.schema, operation, report)
    if body.format == "form" and isinstance(schema, dict):
        return _form(schema, body, shared.array_format, report)
    return schema


def _form(
    schema: dict[str, Any], body: Body, array_format: QueryArrayFormat, report: Report
) -> dict[str, Any]:
    """The members that a form can hold; others are left out, and reported."""
    definitions = schema.get(DEFS, {})
    kept: dict[str, Any] = {}
    for name, member in schema.get("properties", {}).items():
        meant = resolved(member, definitions)
        kinds = kinds_of(meant) - {"null"}
        items = resolved(meant.get("items", {}), definitions)
        if "object" in kinds or (kinds == {"array"} and kinds_of(items) & _STRUCTURED):
            said = f"'{name[:60]}' is no plain value; in the form it was left out."
            report.add("body_member", body.where, said)
        elif kinds == {"array"} and body.arrays.get(name, "repeat") != array_format:
            written = body.arrays.get(name, "repeat")
            said = (
                f"The list '{name[:60]}' is written as '{written}', "
                f"the others as '{array_format}'; it was left out."
            )
            report.add("body_member", body.where, said)
        else:
            kept[name] = member
    root = {key: value for key, value in schema.items() if key != DEFS}
    required = [name for name in root.pop("required", ()) if name in kept]
    root |= {"properties": kept} | ({"required": required} if required else {})
    return with_needed(root, definitions)


def _root_of(schema: JsonSchema, operation: Operation, report: Report) -> JsonSchema | None:
    """The body. An object shows its members; one without any is kept whole, as `body`.

    At the root of an object only what the format allows there is kept: members, which of them are
    required, a description, and that there are no others.
    """
    if not isinstance(schema, dict) or SUBSCHEMA_LISTS & schema.keys() or "$ref" in schema:
        return schema
    kinds = kinds_of(schema) - {"null"}
    if kinds - {"object"} or not (kinds or "properties" in schema):
        return schema | {"type": kinds.pop()} if len(kinds) == 1 else schema
    if not schema.get("properties"):
        inner = {key: value for key, value in schema.items() if key != DEFS} | {"type": "object"}
        return {"allOf": [inner]} | {key: schema[key] for key in (DEFS,) if key in schema}
    root = {"type": "object"} | {key: schema[key] for key in _BODY_ROOT if key in schema}
    if schema.get("additionalProperties") is False:
        root["additionalProperties"] = False
    required = [name for name in root.pop("required", ()) if name in schema["properties"]]
    if required:
        root["required"] = required
    lost = sorted(schema.keys() - root.keys() - _UNTOLD - {"required"})
    if lost:
        said = f"At the root of the body only its members count; left out: {', '.join(lost)}."
        report.add("schema", operation.where, said)
    return root


def _response_schema(named: Named) -> JsonSchema | None:
    """One record: of a list, what the list holds."""
    schema = named.operation.response.schema
    if named.method == "list":
        found = listed(schema, named.resource)
        schema = found.record if found else schema
    return None if schema in ({}, True) else schema
